using System.Text.Json.Nodes;
using T2.Tasks;
using T2.TestKit;
using T2.Training;

namespace T2.Recipes.Tests;

/// <summary>Training works on the model that is shipped: a few steps of it, from a base that nothing has adapted.</summary>
public sealed class BundledTrainingTests : IDisposable
{
    private const int Steps = 8;

    private readonly TempFolder _folder = new();

    [Fact]
    public async Task A_few_steps_of_policy_gradient_raise_the_reward()
    {
        string bundled = Path.Combine(RepositoryRoot.Path, "models", "bundled");
        var request = new TrainingRequest
        {
            ModelPath = Path.Combine(bundled, "t2-mini.gguf"),
            OutputPath = _folder.File("letters.gguf"),
            FactorPath = _folder.File("mini.t2factors"),
            Task = TaskSplit.HoldOut(TaskSet.Load(Path.Combine(bundled, "tasks", "letters.jsonl")), 0.25, 50, seed: 1),
            Threads = 1,
            Options = new TrainingOptions { Steps = Steps, Batch = 16, Samples = 8, LearningRate = 0.05, Kl = 0.02, ValidateEvery = Steps },
        };
        var result = await AdapterTraining.RunAsync(request);
        double[] rewards = [.. File.ReadLines(request.LogPath).Select(static line => JsonNode.Parse(line)!["reward"]).OfType<JsonNode>().Select(static node => (double)node)];
        Assert.Equal(Steps, rewards.Length);
        Assert.True(rewards[^2..].Average() > rewards[..2].Average() + 0.15, string.Join(' ', rewards));
        Assert.True(result.CorrectAfter > result.CorrectBefore, $"{result.CorrectBefore} of {result.ValidationItems} before, {result.CorrectAfter} after");
    }

    public void Dispose() => _folder.Dispose();
}
