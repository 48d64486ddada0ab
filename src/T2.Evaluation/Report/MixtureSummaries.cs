using System.Globalization;
using T2.Gguf.Experts;
using T2.Runtime;
using T2.Runtime.Search;
using T2.Tasks;

namespace T2.Evaluation;

/// <summary>What strategies mixed, as the mixtures themselves record it.</summary>
internal static class MixtureSummaries
{
    internal static IReadOnlyList<MixtureSummary> Of(IReadOnlyList<TaskSet> tasks, IReadOnlyList<EvaluationStrategy> strategies, ExpertLibrary library)
    {
        var summaries = new List<MixtureSummary>();
        foreach (var strategy in strategies)
        {
            if (strategy is FixedStrategy { Expert: { } only } && WeightsOf(only) is { Count: > 0 } weights)
                summaries.Add(new MixtureSummary(strategy.Name, weights, null, SearchOf(only)));
            else if (strategy is PerTaskStrategy perTask)
                summaries.AddRange(tasks.Select(task => ForTask(perTask, task.Name, library)));
        }
        return summaries;
    }

    private static MixtureSummary ForTask(PerTaskStrategy strategy, string task, ExpertLibrary library) => strategy.Experts[task] is { } expert
        ? new MixtureSummary(strategy.Name, WeightsOf(expert), task, SearchOf(expert))
        : new MixtureSummary(strategy.Name, library.Experts.ToDictionary(static expert => expert.Name, static _ => 0.0), task);

    private static string? SearchOf(Expert expert) => expert.Extra.GetValueOrDefault(FewShotSearch.SearchKey);

    private static Dictionary<string, double> WeightsOf(Expert expert)
    {
        var sums = new Dictionary<string, double>(StringComparer.Ordinal);
        string[] recipes = expert.Extra.TryGetValue(Expert.MixKey, out string? mix)
            ? [mix]
            : expert.Extra.TryGetValue(Expert.MixPerWeightKey, out string? perWeight)
                ? [.. perWeight.Split(';', StringSplitOptions.RemoveEmptyEntries).Select(static part => part[(part.IndexOf(':') + 1)..])]
                : [];
        foreach (string part in recipes.SelectMany(static recipe => recipe.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)))
        {
            int equals = part.LastIndexOf('=');
            if (equals > 0 && double.TryParse(part[(equals + 1)..], NumberStyles.Float, CultureInfo.InvariantCulture, out double weight))
                sums[part[..equals]] = sums.GetValueOrDefault(part[..equals]) + weight / recipes.Length;
        }
        return sums;
    }
}
