using T2.TestKit;

namespace T2.Training.Tests;

public sealed class TrainingLogTests : IDisposable
{
    private readonly TempFolder _folder = new();

    [Fact]
    public void A_resumed_log_drops_what_will_be_done_again_and_what_was_cut_off()
    {
        string path = _folder.File("run.training.jsonl");
        using (var log = TrainingLog.Begin(path))
        {
            for (int step = 1; step <= 5; step++)
                log.Add(new StepRecord { Step = step, Reward = step / 10.0 });
        }
        File.AppendAllText(path, "{\"step\":6,\"rew");
        using (var log = TrainingLog.Continue(path, 3))
        {
            Assert.Equal([1, 2, 3], log.Records.Select(static record => record.Step));
            log.Add(new StepRecord { Step = 4, Validation = 0.5 });
        }
        Assert.Equal(
            ["{\"step\":1,\"reward\":0.1}", "{\"step\":2,\"reward\":0.2}", "{\"step\":3,\"reward\":0.3}", "{\"step\":4,\"validation\":0.5}"],
            File.ReadAllLines(path));
    }

    public void Dispose() => _folder.Dispose();
}
