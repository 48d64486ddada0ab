using T2.Runtime;
using T2.Tasks;

namespace T2.Evaluation;

/// <summary>Turns the log into numbers.</summary>
internal static class ReportBuilder
{
    internal static EvaluationReport Build(
        AdaptiveModel model, string settings, IReadOnlyList<TaskSet> tasks, IReadOnlyList<EvaluationStrategy> strategies, EvaluationLog log)
    {
        var summaries = tasks.Select(task => new TaskSummary(task.Name, task.Items.Count, task.Verifier, ExpectedExpert(task.Name, model.Experts))).ToArray();
        var results = new List<TaskResult>();
        foreach (var task in tasks)
        {
            foreach (var strategy in strategies)
                results.Add(Result(task, strategy, log, strategies.Any(static other => other.Name == EvaluationStrategy.Base.Name)));
        }
        return new EvaluationReport(
            Path.GetFileName(model.File.Path),
            model.Fingerprint,
            settings,
            summaries,
            [.. strategies.Select(static strategy => strategy.Name)],
            results,
            [.. strategies.OfType<DispatchedStrategy>().Select(strategy => Dispatch(tasks, strategy, model.Experts, log))],
            MixtureSummaries.Of(tasks, strategies, model.Experts));
    }

    /// <summary>The expert for questions of this name: one so called, or trained for a task so called; "other" for itself; null where nothing says.</summary>
    internal static string? ExpectedExpert(string name, ExpertLibrary library)
    {
        if (string.Equals(name, ExpertLibrary.Other, StringComparison.OrdinalIgnoreCase))
            return ExpertLibrary.Other;
        return library.Experts.FirstOrDefault(expert => string.Equals(expert.Name, name, StringComparison.OrdinalIgnoreCase))?.Name
            ?? library.Experts.FirstOrDefault(expert => string.Equals(expert.Task, name, StringComparison.OrdinalIgnoreCase))?.Name;
    }

    private static TaskResult Result(TaskSet task, EvaluationStrategy strategy, EvaluationLog log, bool hasBase)
    {
        var records = log.Items(task.Name, strategy.Name);
        var answered = task.Items.Where(item => records.ContainsKey(item.Id)).Select(item => (Item: item, Record: records[item.Id])).ToArray();
        int correct = answered.Count(static pair => pair.Record.Correct);
        var (low, high) = Statistics.WilsonInterval(correct, answered.Length);
        var time = log.Time(task.Name, strategy.Name);
        double seconds = time.Pass1 + time.Rebuild + time.Pass2;
        return new TaskResult(
            task.Name, strategy.Name, answered.Length, correct, answered.Count(static pair => pair.Record.Failed),
            answered.Length == 0 ? 0 : (double)correct / answered.Length, low, high,
            hasBase && strategy.Name != EvaluationStrategy.Base.Name ? Compare(answered.Select(static pair => pair.Record), log.Items(task.Name, EvaluationStrategy.Base.Name)) : null,
            answered.Length == 0 ? 0 : answered.Average(static pair => pair.Record.Tokens),
            time.Pass1, time.Rebuild, time.Pass2, seconds > 0 ? time.Items / seconds : 0,
            Chosen(answered.Select(static pair => pair.Record)),
            Categories(answered));
    }

    private static PairedTest Compare(IEnumerable<ItemRecord> records, IReadOnlyDictionary<string, ItemRecord> onBase)
    {
        int onlyBase = 0;
        int onlyThis = 0;
        foreach (var record in records)
        {
            if (!onBase.TryGetValue(record.Id, out var other) || other.Correct == record.Correct)
                continue;
            if (record.Correct)
                onlyThis++;
            else
                onlyBase++;
        }
        return new PairedTest(onlyBase, onlyThis, Statistics.McNemarExact(onlyBase, onlyThis), Statistics.McNemarMidP(onlyBase, onlyThis));
    }

    private static Dictionary<string, int> Chosen(IEnumerable<ItemRecord> records) =>
        records.Where(static record => record.Expert is not null).CountBy(static record => record.Expert!).OrderByDescending(static pair => pair.Value).ToDictionary();

    private static CategoryResult[] Categories(IEnumerable<(TaskItem Item, ItemRecord Record)> answered) =>
    [
        .. answered
            .Where(static pair => pair.Item.Category is not null)
            .GroupBy(static pair => pair.Item.Category!, static pair => pair.Record)
            .OrderBy(static group => group.Key, StringComparer.Ordinal)
            .Select(static group =>
            {
                int items = group.Count();
                int correct = group.Count(static record => record.Correct);
                var (low, high) = Statistics.WilsonInterval(correct, items);
                return new CategoryResult(group.Key, items, correct, low, high);
            }),
    ];

    private static DispatchResult Dispatch(IReadOnlyList<TaskSet> tasks, DispatchedStrategy strategy, ExpertLibrary library, EvaluationLog log)
    {
        var rows = new OrderedDictionary<string, Dictionary<string, int>>(StringComparer.OrdinalIgnoreCase);
        var columns = library.Experts.Select(static expert => expert.Name).Append(ExpertLibrary.Other).ToList();
        foreach (var task in tasks)
        {
            var records = log.Items(task.Name, strategy.Name);
            foreach (var item in task.Items)
            {
                if (!records.TryGetValue(item.Id, out var record) || record.Expert is not { } chosen)
                    continue;
                // A task of questions for dispatch tells by category which expert each needs; other tasks are one row.
                string row = item.Category is { } category && ExpectedExpert(category, library) is not null ? category : task.Name;
                if (!rows.TryGetValue(row, out var counts))
                    rows.Add(row, counts = new(StringComparer.OrdinalIgnoreCase));
                counts[chosen] = counts.GetValueOrDefault(chosen) + 1;
                if (!columns.Contains(chosen, StringComparer.OrdinalIgnoreCase))
                    columns.Add(chosen);
            }
        }
        int[] expected = [.. rows.Keys.Select(row => ExpectedExpert(row, library) is { } expert ? columns.FindIndex(column => string.Equals(column, expert, StringComparison.OrdinalIgnoreCase)) : -1)];
        int[][] table = [.. rows.Values.Select(counts => columns.Select(column => counts.GetValueOrDefault(column)).ToArray())];
        int decided = table.Where((_, row) => expected[row] >= 0).Sum(static counts => counts.Sum());
        int right = table.Select((counts, row) => expected[row] >= 0 ? counts[expected[row]] : 0).Sum();
        var (low, high) = Statistics.WilsonInterval(right, decided);
        return new DispatchResult(strategy.Name, [.. rows.Keys], columns, table, expected, decided, right, low, high);
    }
}
