using T2.TestKit;

namespace T2.Training.Tests;

public sealed class BaseTrainerTests
{
    private static readonly ModelShape s_shape = TinyModels.Llama with { VocabularySize = 16, Embedding = 16, Heads = 2 };

    [Fact]
    public void An_interrupted_run_ends_with_the_very_weights_of_an_uninterrupted_one()
    {
        using var folder = new TempFolder();
        var options = Options() with { Validation = [Document(1000)], ValidateEvery = 10 };
        var whole = TrainingModel.CreateRandom(s_shape, 3);
        BaseTrainer.Run(whole, Document, options with { LogPath = folder.File("whole.jsonl") }, null, CancellationToken.None);

        var resumed = options with { CheckpointPath = folder.File("run.t2train"), CheckpointInterval = TimeSpan.FromDays(1), LogPath = folder.File("resumed.jsonl"), Threads = 2 };
        foreach (var stop in (int[])[7, 22, int.MaxValue])
        {
            var model = TrainingModel.CreateRandom(s_shape, stop == 7 ? 3u : 99u);
            using var cancellation = new CancellationTokenSource();
            void Run() => BaseTrainer.Run(model, Document, resumed, new Callback(p => { if (p.Step >= stop) cancellation.Cancel(); }), cancellation.Token);
            if (stop == int.MaxValue)
                Run();
            else
                Assert.Throws<OperationCanceledException>(Run);
            if (stop == int.MaxValue)
                Assert.Equal(whole.Tensors.SelectMany(static tensor => tensor.Values), model.Tensors.SelectMany(static tensor => tensor.Values));
        }
        Assert.Equal(Column(folder.File("whole.jsonl"), "step"), Column(folder.File("resumed.jsonl"), "step"));
        Assert.Equal(Column(folder.File("whole.jsonl"), "loss"), Column(folder.File("resumed.jsonl"), "loss"));
    }

    [Fact]
    public void Training_lowers_the_loss_and_the_validation_loss()
    {
        var reports = new List<BaseProgress>();
        var last = BaseTrainer.Run(
            TrainingModel.CreateRandom(s_shape, 3), Document, Options() with { Steps = 120, Validation = [Document(5000), Document(5001)] }, new Callback(reports.Add), CancellationToken.None);
        Assert.True(reports[0].Loss > 2.5, $"{reports[0].Loss}");
        Assert.True(last.Loss < 1.2, $"{last.Loss}");
        Assert.True(last.ValidationLoss < 1.2, $"{last.ValidationLoss}");
        Assert.Equal(120, last.Step);
    }

    [Fact]
    public void A_checkpoint_of_other_settings_is_refused_by_name()
    {
        using var folder = new TempFolder();
        var options = Options() with { Steps = 2, CheckpointPath = folder.File("run.t2train") };
        BaseTrainer.Run(TrainingModel.CreateRandom(s_shape, 3), Document, options, null, CancellationToken.None);
        var error = Assert.Throws<TrainingException>(() => BaseTrainer.Run(TrainingModel.CreateRandom(s_shape, 3), Document, options with { LearningRate = 1 }, null, CancellationToken.None));
        Assert.Contains("run.t2train", error.Message);
        File.WriteAllBytes(options.CheckpointPath, File.ReadAllBytes(options.CheckpointPath)[..^5]);
        error = Assert.Throws<TrainingException>(() => BaseTrainer.Run(TrainingModel.CreateRandom(s_shape, 3), Document, options, null, CancellationToken.None));
        Assert.Contains("cut off", error.Message);
    }

    [Fact]
    public void A_rate_that_blows_up_ends_in_one_clear_exception()
    {
        var error = Assert.Throws<TrainingException>(() => BaseTrainer.Run(
            TrainingModel.CreateRandom(s_shape, 3), Document, Options() with { LearningRate = 1e30, WarmupSteps = 0 }, null, CancellationToken.None));
        Assert.Contains("step", error.Message);
        Assert.Contains("learning rate", error.Message);
    }

    [Fact]
    public void An_order_has_every_document_once_an_epoch_and_depends_on_the_index_only()
    {
        var documents = Enumerable.Range(0, 10).Select(static i => new TrainingDocument([i, i])).ToList();
        var order = DocumentOrder.Shuffled(documents, 5);
        var first = Enumerable.Range(0, 30).Select(i => order(i).Tokens[0]).ToList();
        Assert.Equal(Enumerable.Range(0, 10), first[..10].Order());
        Assert.Equal(Enumerable.Range(0, 10), first[10..20].Order());
        Assert.NotEqual(first[..10], first[10..20]);
        var again = DocumentOrder.Shuffled(documents, 5);
        Assert.Equal(first[25], again(25).Tokens[0]);
        Assert.Equal(first[3], again(3).Tokens[0]);
    }

    private static BaseTrainingOptions Options() => new() { Steps = 40, BatchTokens = 100, LearningRate = 1e-2, WarmupSteps = 5, Threads = 1, LogEvery = 1 };

    /// <summary>Counting modulo 8 from a random start, with noise that cannot be learnt.</summary>
    private static TrainingDocument Document(long index)
    {
        var random = new Random((int)index);
        var start = random.Next(8);
        return new TrainingDocument([.. Enumerable.Range(0, 12 + random.Next(6)).Select(i => i % 6 == 5 ? 8 + random.Next(8) : (start + i) % 8)]);
    }

    private static List<string> Column(string path, string name) => [.. File.ReadLines(path).Select(line => System.Text.Json.JsonDocument.Parse(line).RootElement.GetProperty(name).ToString())];

    private sealed class Callback(Action<BaseProgress> report) : IProgress<BaseProgress>
    {
        public void Report(BaseProgress value) => report(value);
    }
}
