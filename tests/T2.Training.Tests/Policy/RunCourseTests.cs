using T2.Gguf.Experts;
using T2.Tasks;
using T2.TestKit;

namespace T2.Training.Tests;

/// <summary>What a run makes of its steps: which of them it keeps, when it ends, and how far each goes.</summary>
public sealed class RunCourseTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public RunCourseTests() => SyntheticModel.Write(_folder.File("model.gguf"), CapitalTask.Model);

    [Fact]
    public async Task The_first_best_step_is_kept_not_the_last()
    {
        // Of the base, then after 3, 6 and 9 steps: as good twice, and worse in the end.
        var request = Request("best", Options with { Steps = 9, ValidateEvery = 3 }) with { Verifier = new ScriptedValidation(1, 4, 4, 2) };
        var result = await AdapterTraining.RunAsync(request);
        Assert.Equal((9, 3, 1, 4, false), (result.Steps, result.BestStep, result.CorrectBefore, result.CorrectAfter, result.StoppedEarly));
        var third = await StateAfterAsync(request with { OutputPath = _folder.File("third.gguf"), Verifier = new ScriptedValidation(1, 4, 4, 2) }, 3);
        foreach (var (weight, z) in Expert.Load(request.OutputPath).Vectors)
            Assert.Equal(third["value/" + weight].Select(static c => 1 + c), z.ToArray());
    }

    [Fact]
    public async Task Validations_that_get_no_better_end_the_run()
    {
        var request = Request("early", Options with { Steps = 50, ValidateEvery = 2, Patience = 2 }) with { Verifier = new ScriptedValidation(1, 2, 3, 3, 1, 4) };
        var result = await AdapterTraining.RunAsync(request);
        Assert.Equal((8, 4, 3, true), (result.Steps, result.BestStep, result.CorrectAfter, result.StoppedEarly));
    }

    [Fact]
    public async Task The_rate_falls_to_a_tenth_along_a_cosine()
    {
        var request = Request("rate", Options with { Steps = 5, LearningRate = 0.02 }) with { Verifier = new FixedVerifier(static () => new Verdict(true, null, null)) };
        await AdapterTraining.RunAsync(request);
        StepRecord[] steps =
        [
            .. File.ReadLines(request.LogPath)
                .Select(static line => System.Text.Json.JsonSerializer.Deserialize(line, StepRecordJson.Default.StepRecord)!).Where(static record => record.Validation is null),
        ];
        var rates = steps.Select(static step => step.LearningRate!.Value);
        // Every answer was right.
        Assert.All(steps, static step => Assert.Equal(1, step.Reward));
        Assert.Equal(Enumerable.Range(0, 5).Select(static step => Math.Round(0.02 * (0.1 + 0.45 * (1 + Math.Cos(Math.PI * step / 5))), 12)), rates.Select(static rate => Math.Round(rate, 12)));
    }

    [Fact]
    public async Task Weight_decay_pulls_z_towards_the_base()
    {
        // The first two steps ask and sample the same with and without; decay alone tells them apart, and it has nothing to pull at in the first.
        var options = Options with { Steps = 2, LearningRate = 0.05 };
        var (free, held) = (Request("free", options), Request("held", options with { WeightDecay = 4 }));
        var first = await StateAfterAsync(Request("first", options), 1);
        await AdapterTraining.RunAsync(free);
        await AdapterTraining.RunAsync(held);
        var without = Expert.Load(free.OutputPath).Vectors;
        double rate = 0.05 * 0.55;
        foreach (var (weight, z) in Expert.Load(held.OutputPath).Vectors)
        {
            float[] moved = first["value/" + weight];
            Assert.True(moved.Max(MathF.Abs) > 0.04);
            for (int i = 0; i < z.Length; i++)
                Assert.Equal(without[weight].Span[i] - 4 * rate * moved[i], z.Span[i], 1e-5);
        }
    }

    [Fact]
    public async Task Gradients_are_clipped_before_the_optimiser_sees_them()
    {
        // So far below AdamW's epsilon that hardly anything is left of a step.
        var request = Request("clipped", Options with { Steps = 3, ClipNorm = 1e-12, LearningRate = 0.05 });
        await AdapterTraining.RunAsync(request);
        Assert.All(Expert.Load(request.OutputPath).Vectors.Values, static z => Assert.All(z.ToArray(), static value => Assert.Equal(1, value, 1e-4)));
    }

    public void Dispose() => _folder.Dispose();

    private static TrainingOptions Options { get; } = new() { Batch = 6, Samples = 4, Kl = 0.01, ClipNorm = 0, ValidateEvery = 5 };

    private TrainingRequest Request(string name, TrainingOptions options) => new()
    {
        ModelPath = _folder.File("model.gguf"),
        OutputPath = _folder.File(name + ".gguf"),
        Task = CapitalTask.Split,
        Verifier = new CapitalVerifier(),
        Threads = 1,
        Options = options,
    };

    /// <summary>The numbers of a run right after a step.</summary>
    private static async Task<IReadOnlyDictionary<string, float[]>> StateAfterAsync(TrainingRequest request, int step)
    {
        using var stop = new CancellationTokenSource();
        var progress = new Watch(value =>
        {
            if (value.Step == step && value.Phase == "stepped")
                stop.Cancel();
        });
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => AdapterTraining.RunAsync(request, progress, null, stop.Token));
        return TrainingCheckpoint.Load(request.CheckpointPath).Tensors;
    }

    /// <summary>Rewards capitals in training; of each validation's questions finds as many right as it was told.</summary>
    private sealed class ScriptedValidation(params int[] right) : IVerifier
    {
        private readonly HashSet<string> _held = [.. CapitalTask.Split.Validation.Items.Select(static item => item.Id)];
        private int _asked;

        public string Name => "scripted";

        public ValueTask<Verdict> VerifyAsync(TaskItem item, string answer, CancellationToken cancellation = default)
        {
            if (!_held.Contains(item.Id))
                return new CapitalVerifier().VerifyAsync(item, answer, cancellation);
            int at = Interlocked.Increment(ref _asked) - 1;
            return ValueTask.FromResult(new Verdict(at % _held.Count < right[at / _held.Count], answer, null));
        }
    }
}
