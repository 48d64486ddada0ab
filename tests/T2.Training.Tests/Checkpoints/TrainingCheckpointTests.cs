using T2.Gguf;
using T2.TestKit;

namespace T2.Training.Tests;

public sealed class TrainingCheckpointTests : IDisposable
{
    private readonly TempFolder _folder = new();

    private static RunSettings Settings { get; } = new() { Options = new TrainingOptions { Seed = 7 }, Base = "abc", Task = "t", Validation = "v" };

    [Fact]
    public void What_is_saved_is_read_back_bit_for_bit()
    {
        var saved = new TrainingCheckpoint
        {
            Settings = Settings.Serialize(),
            Step = 12,
            OptimiserStep = 12,
            Validation = new ValidationState(10, 3, 5, 8, 5, 1),
            Tensors = new Dictionary<string, float[]> { ["value/blk.0.ffn_up.weight"] = [1, -0f, float.Epsilon, 3e38f], ["first/x"] = [0.1f] },
        };
        saved.Save(_folder.File("run.checkpoint"));
        var read = TrainingCheckpoint.Load(_folder.File("run.checkpoint"));
        Assert.Equal((saved.Settings, saved.Step, saved.OptimiserStep, saved.Validation), (read.Settings, read.Step, read.OptimiserStep, read.Validation));
        Assert.Equal(saved.Tensors.Keys, read.Tensors.Keys);
        foreach (var (name, values) in saved.Tensors)
            Assert.Equal(values.Select(BitConverter.SingleToInt32Bits), read.Tensors[name].Select(BitConverter.SingleToInt32Bits));
    }

    [Fact]
    public void Another_gguf_is_no_checkpoint()
    {
        SyntheticModel.Write(_folder.File("model.gguf"), SyntheticModelSpec.Tiny256);
        Assert.Contains("not a training checkpoint", Assert.Throws<GgufException>(() => TrainingCheckpoint.Load(_folder.File("model.gguf"))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_run_with_another_option_is_told_which()
    {
        var other = Settings with { Options = Settings.Options! with { LearningRate = 0.5 } };
        Assert.Null(Settings.DifferenceFrom(Settings.Serialize()));
        Assert.Equal("learning_rate was 0.5, is 0.01", Settings.DifferenceFrom(other.Serialize()));
        Assert.Equal("base", Settings.DifferenceFrom((Settings with { Base = "abd" }).Serialize()));
    }

    [Fact]
    public void Every_question_counts_towards_the_tasks_hash()
    {
        var task = new Tasks.TaskSet("t", null, "exact", 4, [new("1", "a", "b"), new("2", "c", "d")]);
        string hash = RunSettings.HashOf(task);
        Assert.Equal(hash, RunSettings.HashOf(task with { Name = "renamed" }));
        Assert.NotEqual(hash, RunSettings.HashOf(task with { MaxTokens = 5 }));
        Assert.NotEqual(hash, RunSettings.HashOf(task with { Items = [.. task.Items.Reverse()] }));
        Assert.NotEqual(hash, RunSettings.HashOf(task with { Items = [task.Items[0], task.Items[1] with { Answer = "D" }] }));
    }

    public void Dispose() => _folder.Dispose();
}
