using System.Diagnostics;
using System.Globalization;
using T2.Gguf.Experts;
using T2.Runtime;
using T2.Tasks;

namespace T2.Recipes;

/// <summary>Pass 1 over test sets, as <c>t2 run</c> does it: which expert each question is given. Kept in a file for each strategy and task, a name a line.</summary>
internal sealed class DispatchChoices(RecipeOptions options, TextWriter log)
{
    /// <summary>Questions that pass 1 takes at a time.</summary>
    private const int Batch = 64;

    /// <summary>The expert of each question, or "other", decided where no file says it yet.</summary>
    /// <param name="strategy">Decides.</param>
    /// <param name="experts">What to choose from, in their order.</param>
    /// <param name="task">The questions.</param>
    /// <param name="cancellation">Stops; nothing of an unfinished task is kept.</param>
    public async Task<string[]> OfAsync(IDispatchStrategy strategy, IReadOnlyList<Expert> experts, TaskSet task, CancellationToken cancellation)
    {
        string path = Path.Combine(options.Work, "choices", $"{strategy.Name}.{task.Name}.txt");
        if (File.Exists(path) && await File.ReadAllLinesAsync(path, cancellation).ConfigureAwait(false) is var kept && kept.Length == task.Items.Count)
            return kept;
        long started = Stopwatch.GetTimestamp();
        await using var model = await AdaptiveModel.LoadAsync(options.Model, new ModelOptions { AdaptationThreads = 1 }, cancellation).ConfigureAwait(false);
        foreach (var expert in experts)
            model.Experts.Add(expert);
        await using var dispatcher = new BatchDispatcher(model, new SessionOptions { Threads = 1 });
        var choices = new List<string>(task.Items.Count);
        foreach (var chunk in task.Items.Chunk(Batch))
        {
            var decisions = await dispatcher.DecideAsync(strategy, [.. chunk.Select(static item => item.Prompt)], cancellation).ConfigureAwait(false);
            choices.AddRange(decisions.Select(static decision => decision.Expert ?? ExpertLibrary.Other));
        }
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        await File.WriteAllLinesAsync(path, choices, cancellation).ConfigureAwait(false);
        log.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{strategy.Name,-28} {task.Name,-20} dispatched in {Stopwatch.GetElapsedTime(started).TotalSeconds:F0} s"));
        return [.. choices];
    }

    /// <summary>
    /// The verdicts of dispatched answers. An answer after dispatch is the chosen expert's own (the runtime's tests hold it to that), so its verdict is the one
    /// measured under that expert for every question.
    /// </summary>
    /// <param name="choices">The expert of each question, or "other".</param>
    /// <param name="verdicts">Every expert's verdicts on the questions; "other" has the base's.</param>
    public static bool[] Verdicts(IReadOnlyList<string> choices, IReadOnlyDictionary<string, bool[]> verdicts) => [.. choices.Select((choice, item) => verdicts[choice][item])];
}
