using T2.Tasks;
using T2.TestKit;

namespace T2.Training.Tests;

/// <summary>The training guide's example in C#, compiled as it stands there.</summary>
public sealed class GuideExample
{
    [Fact]
    public void The_example_in_the_training_guide_is_the_one_that_compiles()
    {
        string guide = File.ReadAllText(Path.Combine(RepositoryRoot.Path, "docs", "training.md"));
        string source = File.ReadAllText(Path.Combine(RepositoryRoot.Path, "tests", "T2.Training.Tests", "GuideExample.cs"));
        string[] blocks = guide.Split("```csharp\n");
        Assert.Equal(2, blocks.Length);
        Assert.Contains(Squeeze(blocks[1].Split("```")[0]), Squeeze(source), StringComparison.Ordinal);
    }

    [Fact]
    public async Task It_fails_for_want_of_its_files_only() =>
        Assert.Contains("questions.jsonl", (await Assert.ThrowsAsync<TaskFileException>(RunAsync)).Message, StringComparison.Ordinal);

#pragma warning disable IDE0055 // As the guide sets it.
    private static async Task<TrainingResult> RunAsync()
    {
        var task = TaskSplit.HoldOut(TaskSet.Load("questions.jsonl"), fraction: 0.1, most: 256, seed: 1);
        var result = await AdapterTraining.RunAsync(new TrainingRequest
        {
            ModelPath = "model.gguf", OutputPath = "math.gguf", Task = task, Anchor = TaskSet.Load("others.jsonl"), Options = new TrainingOptions { Steps = 100 },
        });
        return result;
    }
#pragma warning restore IDE0055

    private static string Squeeze(string text) => string.Join('\n', text.Split('\n').Select(static line => line.Trim()).Where(static line => line.Length > 0));
}
