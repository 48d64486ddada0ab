using T2.Evaluation;
using T2.Gguf.Experts;
using T2.Runtime;
using T2.Tasks;

namespace T2.Cli;

/// <summary>Dispatches labelled prompts as <c>t2 run</c> would, and counts where they go.</summary>
internal sealed class ClassifierTest(AdaptiveModel model, SessionOptions options)
{
    /// <summary>Prompts that pass 1 takes at a time.</summary>
    private const int Batch = 64;

    /// <summary>The decisions on a task's prompts, each with the label that its category names.</summary>
    internal async Task<IReadOnlyList<(DispatchDecision Decision, string Label)>> DecideAsync(IDispatchStrategy strategy, TaskSet task, CancellationToken cancellation)
    {
        await using var dispatcher = new BatchDispatcher(model, options);
        var decided = new List<(DispatchDecision, string)>(task.Items.Count);
        foreach (var chunk in task.Items.Chunk(Batch))
        {
            var decisions = await dispatcher.DecideAsync(strategy, [.. chunk.Select(static item => item.Prompt)], cancellation).ConfigureAwait(false);
            decided.AddRange(decisions.Zip(chunk, static (decision, item) => (decision, item.Category!)));
        }
        return decided;
    }

    /// <summary>Whether what answers is what the label names: the base for "other" and for what is not sure.</summary>
    internal static bool IsRight((DispatchDecision Decision, string Label) one) => Chosen(one.Decision) == one.Label;

    /// <summary>The confusion matrix.</summary>
    internal static DispatchResult Count(string strategy, IReadOnlyList<Expert> experts, IReadOnlyList<(DispatchDecision Decision, string Label)> decided)
    {
        string[] labels = [.. experts.Select(static expert => expert.Name), ExpertLibrary.Other];
        int[][] counts = [.. labels.Select(label => labels.Select(column => decided.Count(one => one.Label == label && Chosen(one.Decision) == column)).ToArray())];
        int right = decided.Count(IsRight);
        var (low, high) = Statistics.WilsonInterval(right, decided.Count);
        return new DispatchResult(strategy, labels, labels, counts, [.. Enumerable.Range(0, labels.Length)], decided.Count, right, low, high);
    }

    private static string Chosen(DispatchDecision decision) => decision.Expert ?? ExpertLibrary.Other;
}
