using T2.Tasks;
using T2.TestKit;

namespace T2.Training.Tests;

/// <summary>Something a model with random weights does now and then, and can be taught to do more often.</summary>
internal static class CapitalTask
{
    internal static TaskSplit Split { get; } = TaskSplit.HoldOut(
        new TaskSet("capitals", "rewards capital letters", "exact", 2, [.. Enumerable.Range(0, 24).Select(static n => new TaskItem($"{n}", $"{n}", "a"))]), 0.25, 100, 1);

    /// <summary>A model of random weights, small enough for many steps.</summary>
    internal static SyntheticModelSpec Model { get; } = SyntheticModelSpec.Tiny256 with { Name = "tiny64", Embedding = 64, FeedForward = 128, Heads = 2, KvHeads = 1, Context = 128 };

    /// <summary>Questions of another kind, to be held as they are.</summary>
    internal static TaskSet Others { get; } = new("others", null, "exact", 4, [.. Enumerable.Range(0, 8).Select(static n => new TaskItem($"{n}", $"say {n}", "bb"))]);
}

/// <summary>Progress told at once, on the thread that makes it.</summary>
internal sealed class Watch(Action<TrainingProgress> told) : IProgress<TrainingProgress>
{
    public void Report(TrainingProgress value) => told(value);
}

/// <summary>Gives everyone the same verdict.</summary>
internal sealed class FixedVerifier(Func<Verdict> verdict) : IVerifier
{
    public string Name => "fixed";

    public ValueTask<Verdict> VerifyAsync(TaskItem item, string answer, CancellationToken cancellation = default) => ValueTask.FromResult(verdict());
}

/// <summary>Rewards answers with a capital letter.</summary>
internal sealed class CapitalVerifier : IVerifier
{
    public string Name => "capital";

    public ValueTask<Verdict> VerifyAsync(TaskItem item, string answer, CancellationToken cancellation = default) =>
        ValueTask.FromResult(new Verdict(answer.Any(char.IsAsciiLetterUpper), answer, null));
}
