using T2.Runtime;
using T2.Tasks;
using T2.TestKit;

namespace T2.Training.Tests;

/// <summary>A step's gradient against the formula: the same answers, weighed by hand, through the engine that other tests check.</summary>
public sealed class StepGradientTests : IAsyncLifetime, IDisposable
{
    private const int Samples = 4;

    private static readonly TaskSet Task = CapitalTask.Split.Training;

    private readonly TempFolder _folder = new();
    private AdaptiveModel _model = null!;
    private BatchGenerator _generator = null!;
    private RolloutEngine _rollouts = null!;
    private LoraParameters _lora = null!;
    private LoraAdapter _adapter = null!;
    private TrainingEngine _engine = null!;

    public async Task InitializeAsync()
    {
        string path = _folder.File("model.gguf");
        SyntheticModel.Write(path, CapitalTask.Model);
        _model = await AdaptiveModel.LoadAsync(path, new ModelOptions { AdaptationThreads = 1 });
        _generator = new BatchGenerator(_model, new BatchOptions { Sequences = 64, Threads = 1, ContextLength = 64 });
        _rollouts = new RolloutEngine(_generator, Task, new CapitalVerifier(), 1);
        var trainable = TrainingModel.Load(_model.File);
        _lora = new LoraParameters(trainable, new WeightSelection("qv").Resolve(trainable.AdaptableWeights), 2, 4, 1);
        // Away from the base, so that KL has a gradient.
        foreach (var tensor in _lora.Tensors.Where(static tensor => tensor.Name.EndsWith(".lora_b", StringComparison.Ordinal)))
        {
            for (int i = 0; i < tensor.Values.Length; i++)
                tensor.Values[i] = 0.3f * MathF.Sin(i);
        }
        _adapter = new LoraAdapter(_lora, _model.Native);
        _engine = new TrainingEngine(trainable, _lora, 1);
    }

    public async Task DisposeAsync()
    {
        _engine.Dispose();
        _rollouts.Dispose();
        await _generator.DisposeAsync();
        _adapter.Dispose();
        await _model.DisposeAsync();
    }

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(0)]
    [InlineData(0.3)]
    public async Task Policy_gradient_weighs_each_sample_by_its_advantage_over_the_number_of_samples(double kl)
    {
        var options = Options with { Kl = kl };
        var loss = await new PolicyGradient(Task, options, _engine, _adapter, _rollouts).AccumulateAsync(3, CancellationToken.None);
        float[] gradient = Gradient();

        // The same seeds give the same answers.
        var questions = new QuestionOrder(Task.Items.Count, options.Batch, options.Seed).Of(3).Select(static index => Task.Items[index]).ToArray();
        ulong step = Seeds.Of(options.Seed, 2, 3);
        var episodes = await _rollouts.SampleAsync(questions, Samples, 1, sample => Seeds.Of(step, 2, (ulong)sample), _adapter.Show(_generator), CancellationToken.None);
        Assert.Equal(episodes.Count(static episode => episode.Verdict.Correct), loss.Correct);
        Assert.InRange(loss.Correct, 1, episodes.Length - 1);
        var answers = episodes.Select((episode, index) =>
        {
            double others = episodes.Where((other, at) => at / Samples == index / Samples && at != index).Average(static other => other.Verdict.Correct ? 1 : -1);
            return (episode.PromptTokens, episode.AnswerTokens, ((episode.Verdict.Correct ? 1 : -1) - others) / episodes.Length);
        });
        AssertGradient(answers, kl / episodes.Length, gradient, loss.Loss);
    }

    [Fact]
    public async Task Next_token_weighs_every_token_of_the_step_alike()
    {
        var options = Options with { Kl = 0.3, Objective = TrainingObjective.NextToken };
        var loss = await new NextTokenObjective(Task, options, _engine, _adapter, _rollouts, _model.Native).AccumulateAsync(3, CancellationToken.None);
        float[] gradient = Gradient();
        var documents = new QuestionOrder(Task.Items.Count, options.Batch, options.Seed).Of(3).Select(index => Document(Task.Items[index])).ToArray();
        Assert.All(documents, document => Assert.True(_model.Native.Vocabulary.IsEndOfGeneration(document.Answer[^1]), "the end of the answer is not learnt"));
        int tokens = documents.Sum(static document => document.Answer.Length);
        AssertGradient(documents.Select(document => (Ints(document.Prompt), Ints(document.Answer), 1.0 / tokens)), 0.3 / documents.Length, gradient, loss.Loss);
    }

    [Fact]
    public void An_anchor_adds_the_mean_KL_of_its_answers_times_its_weight()
    {
        var options = Options with { AnchorWeight = 2.5, AnchorBatch = 8 };
        _lora.ZeroGradient();
        var held = new Anchor(CapitalTask.Others, options, _engine, _rollouts, _model.Native, 128).Accumulate(0, CancellationToken.None);
        var documents = CapitalTask.Others.Items.Select(Document).ToArray();
        AssertGradient(documents.Select(static document => (Ints(document.Prompt), Ints(document.Answer), 0.0)), 2.5 / documents.Length, Gradient(), held.Loss);
    }

    [Fact]
    public void An_anchor_asks_each_question_once_an_epoch()
    {
        var one = new Anchor(CapitalTask.Others, Options with { AnchorBatch = 1 }, _engine, _rollouts, _model.Native, 128);
        var all = new Anchor(CapitalTask.Others, Options with { AnchorBatch = 8 }, _engine, _rollouts, _model.Native, 128);
        double[] kl = [.. Enumerable.Range(0, 8).Select(step => one.Accumulate(step, CancellationToken.None).Kl)];
        Assert.Equal(8, kl.Distinct().Count());
        Assert.Equal(all.Accumulate(0, CancellationToken.None).Kl, kl.Average(), 1e-6);
    }

    [Fact]
    public async Task Without_temperature_there_is_nothing_to_compare()
    {
        var cold = new PolicyGradient(Task, Options with { Temperature = 1e-4f, Kl = 0 }, _engine, _adapter, _rollouts);
        await cold.AccumulateAsync(0, CancellationToken.None);
        Assert.All(Gradient(), static value => Assert.Equal(0, value));
    }

    private static TrainingOptions Options { get; } = new() { Kind = AdapterKind.Lora, Batch = 6, Samples = Samples, Seed = 4 };

    private static IReadOnlyList<int> Ints(int[] tokens) => tokens;

    private float[] Gradient() => [.. _lora.Tensors.SelectMany(static tensor => tensor.Gradient)];

    private (int[] Prompt, int[] Answer) Document(TaskItem item) => AnswerTokens.Of(_model.Native.Vocabulary, _generator.Render(_rollouts.Request(item)), item.Answer);

    /// <summary>The gradient of Σ weight·(−log π) + <paramref name="kl"/>·Σ KL, an answer at a time.</summary>
    private void AssertGradient(IEnumerable<(IReadOnlyList<int> Prompt, IReadOnlyList<int> Answer, double Weight)> answers, double kl, float[] actual, double actualLoss)
    {
        _lora.ZeroGradient();
        double loss = 0;
        foreach (var (prompt, answer, weight) in answers)
        {
            int[] all = [.. prompt, .. answer];
            int[] targets = [.. Enumerable.Range(1, all.Length - 1).Select(next => next < prompt.Count ? -1 : all[next])];
            var part = _engine.Accumulate(new PackedBatch(all[..^1], [0, all.Length - 1], targets, [.. targets.Select(_ => (float)weight)]), (float)kl);
            loss += part.Loss + kl * part.Kl;
        }
        float[] expected = Gradient();
        float scale = expected.Max(MathF.Abs);
        Assert.True(scale > 1e-4, $"no gradient to speak of: {scale}");
        Assert.Equal(loss, actualLoss, 1e-4 * Math.Max(1, Math.Abs(loss)));
        for (int i = 0; i < expected.Length; i++)
            Assert.Equal(expected[i], actual[i], 1e-3 * scale);
    }
}
