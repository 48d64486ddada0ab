using T2.Training;

namespace T2.Cli.Tests;

/// <summary>Every option of <c>t2 train svf</c> and <c>lora</c> sets what it says and nothing else.</summary>
public class TrainOptionsTests
{
    [Theory]
    [InlineData("leave-one-out", RewardBaseline.LeaveOneOut)]
    [InlineData("mean", RewardBaseline.Mean)]
    [InlineData("none", RewardBaseline.None)]
    public void A_baseline_is_the_one_named(string name, RewardBaseline baseline) => Assert.Equal(baseline, Options("--baseline", name).Baseline);

    [Fact]
    public void Each_option_sets_its_own_number()
    {
        var defaults = Options();
        var expected = defaults with
        {
            Objective = TrainingObjective.NextToken,
            Batch = 3,
            Samples = 5,
            Kl = 0.375,
            AnchorWeight = 0.625,
            AnchorBatch = 7,
            WeightDecay = 0.125,
            ClipNorm = 0.25,
            Temperature = 0.75f,
            ValidateEvery = 11,
            Patience = 13,
            CheckpointEvery = 17,
            Seed = 19,
        };
        Assert.Equal(expected, Options(
            "--objective", "next-token", "--batch", "3", "--samples", "5", "--kl", "0.375", "--anchor-weight", "0.625", "--anchor-batch", "7", "--weight-decay", "0.125",
            "--clip", "0.25", "--temp", "0.75", "--validate-every", "11", "--patience", "13", "--checkpoint-every", "17", "--seed", "19"));
    }

    private static TrainingOptions Options(params string[] options)
    {
        var parsed = TrainAdapterCommand.CreateLora(null!).Parse(["-m", "model.gguf", "--task", "task.jsonl", "-o", "out.gguf", .. options]);
        Assert.Empty(parsed.Errors);
        return TrainAdapterCommand.Common(parsed);
    }
}
