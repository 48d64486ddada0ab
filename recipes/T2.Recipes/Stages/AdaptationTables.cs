using System.Globalization;
using System.Text;
using T2.Gguf.Experts;
using T2.Runtime.Search;
using T2.Tasks;

namespace T2.Recipes;

/// <summary>Tables of <see cref="AdaptationEvidence"/> in Markdown.</summary>
internal static class AdaptationTables
{
    /// <summary>How many messages of each label were given to each expert.</summary>
    public static string Confusion(string strategy, IReadOnlyList<string> labels, IReadOnlyList<string> choices, IReadOnlyList<string> columns)
    {
        int right = labels.Zip(choices).Count(static pair => pair.First == pair.Second);
        var (low, high) = Statistics.WilsonInterval(right, labels.Count);
        var text = new StringBuilder(string.Create(
            CultureInfo.InvariantCulture, $"**{strategy}**: {right} of {labels.Count} right, {100.0 * right / labels.Count:F1} % ({100 * low:F1}–{100 * high:F1}).\n\n"));
        Head(text, "asked \\ chosen", columns);
        foreach (string label in columns)
        {
            text.Append("| ").Append(label).Append(" |");
            foreach (string column in columns)
            {
                int count = labels.Zip(choices).Count(pair => pair.First == label && pair.Second == column);
                text.Append(count == 0 ? " |" : string.Create(CultureInfo.InvariantCulture, $" {count} |"));
            }
            text.Append('\n');
        }
        return text.Append('\n').ToString();
    }

    /// <summary>Two dispatchers on the same messages.</summary>
    public static string Compared(string one, bool[] right, string other, bool[] rightOther)
    {
        int only = right.Zip(rightOther).Count(static pair => pair.First && !pair.Second);
        int onlyOther = right.Zip(rightOther).Count(static pair => !pair.First && pair.Second);
        return string.Create(CultureInfo.InvariantCulture, $"Only {one} right: {only}, only {other}: {onlyOther}; McNemar's exact p = {Statistics.McNemarExact(only, onlyOther):0e+0}.\n\n");
    }

    /// <summary>Where the questions of tasks go.</summary>
    public static string Destinations(string strategy, IEnumerable<(string Task, string Kin, string[] Choices)> rows, IReadOnlyList<string> columns)
    {
        var text = new StringBuilder();
        Head(text, strategy, [.. columns, "to the kin"]);
        foreach (var (task, kin, choices) in rows)
        {
            text.Append("| ").Append(task).Append(" |");
            foreach (string column in columns)
                text.Append(Percent(choices.Count(choice => choice == column), choices.Length)).Append('|');
            int toKin = choices.Count(choice => choice == kin);
            text.Append(' ').Append(kin).Append(Percent(toKin, choices.Length, always: true)).Append("|\n");
        }
        return text.Append('\n').ToString();
    }

    /// <summary>Each expert's share in mixtures; none at all is the base.</summary>
    public static string Shares(IReadOnlyList<(string Task, Expert? Mixture)> mixtures, IReadOnlyList<string> experts)
    {
        var text = new StringBuilder();
        Head(text, "", experts);
        foreach (var (task, mixture) in mixtures)
        {
            var shares = SharesOf(mixture);
            text.Append("| ").Append(task).Append(" |");
            foreach (string expert in experts)
                text.Append(string.Create(CultureInfo.InvariantCulture, $" {shares.GetValueOrDefault(expert):0.00} |"));
            text.Append('\n');
        }
        return text.ToString();
    }

    /// <summary>What mixtures found by different draws of examples answer right, of the examples and of the test set.</summary>
    public static string Draws(IReadOnlyList<(string Title, List<(Expert? Mixture, bool[] Right)> Cells)> rows, bool[] reference)
    {
        var text = new StringBuilder();
        Head(text, "", [.. Enumerable.Range(1, rows.Max(static row => row.Cells.Count)).Select(static draw => $"draw {draw}"), "mean", "of the examples"]);
        foreach (var (title, cells) in rows)
        {
            text.Append("| ").Append(title).Append(" |");
            foreach (var (_, right) in cells)
                text.Append(' ').Append(ResultTables.Cell(right, reference)).Append(" |");
            text.Append(string.Create(CultureInfo.InvariantCulture, $" {100 * cells.Average(static cell => cell.Right.Average(static said => said ? 1.0 : 0)):F1} |"));
            text.Append(' ').AppendJoin(" / ", cells.Select(static cell => OfExamples(cell.Mixture))).Append(" |\n");
        }
        return text.ToString();
    }

    /// <summary>Milliseconds a candidate, by experts and examples.</summary>
    public static string Milliseconds(string task, IReadOnlyList<(int Experts, List<double> Times)> rows, IReadOnlyList<int> shots)
    {
        var text = new StringBuilder($"Milliseconds on one thread ({task}; each the median of three searches, nothing of this stage beside them):\n\n");
        Head(text, "experts \\ examples", [.. shots.Select(static count => count.ToString(CultureInfo.InvariantCulture))]);
        foreach (var (experts, times) in rows)
        {
            text.Append(CultureInfo.InvariantCulture, $"| {experts} |");
            foreach (double time in times)
                text.Append(CultureInfo.InvariantCulture, $" {time:F1} |");
            text.Append('\n');
        }
        return text.ToString();
    }

    /// <summary>The shares that a mixture's file records.</summary>
    internal static IReadOnlyDictionary<string, double> SharesOf(Expert? mixture) =>
        (mixture?.Extra[Expert.MixKey] ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries).Select(static part => part.Split('='))
            .ToDictionary(static part => part[0], static part => double.Parse(part[1], CultureInfo.InvariantCulture), StringComparer.Ordinal);

    /// <summary>Share of its examples that a mixture answered right, as its file records it.</summary>
    private static string OfExamples(Expert? mixture)
    {
        const string Key = " accuracy=";
        string? how = mixture?.Extra[FewShotSearch.SearchKey];
        return how is null ? "base" : string.Create(CultureInfo.InvariantCulture, $"{100 * double.Parse(how[(how.LastIndexOf(Key, StringComparison.Ordinal) + Key.Length)..], CultureInfo.InvariantCulture):F0} %");
    }

    private static string Percent(int count, int all, bool always = false) =>
        count == 0 && !always ? " " : string.Create(CultureInfo.InvariantCulture, $" {100.0 * count / all:F1} ");

    private static void Head(StringBuilder text, string corner, IReadOnlyList<string> columns) =>
        text.Append("| ").Append(corner).Append(" |").AppendJoin("|", columns.Select(static column => $" {column} ")).Append("|\n|---|").Append(string.Concat(columns.Select(static _ => "---|"))).Append('\n');
}
