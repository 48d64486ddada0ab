using System.Globalization;
using System.Text;
using T2.Tasks;

namespace T2.Recipes;

/// <summary>Tables in Markdown: accuracies with 95 % intervals (Wilson), and how sure it is that they differ from the base's (McNemar's exact test, paired).</summary>
internal static class ResultTables
{
    /// <summary>Systems down, tasks across.</summary>
    public static string Matrix(IReadOnlyList<(string Title, IReadOnlyDictionary<string, bool[]> Verdicts)> systems, IReadOnlyList<string> tasks, IReadOnlyDictionary<string, bool[]> reference)
    {
        var text = new StringBuilder();
        text.Append("| |").AppendJoin("|", tasks.Select(static task => $" {task} ")).Append("|\n|---|").Append(string.Concat(Enumerable.Repeat("---|", tasks.Count))).Append('\n');
        foreach (var (title, verdicts) in systems)
        {
            text.Append("| ").Append(title).Append(" |");
            foreach (string task in tasks)
                text.Append(verdicts.TryGetValue(task, out bool[]? right) ? $" {Cell(right, reference[task])} |" : " |");
            text.Append('\n');
        }
        return text.ToString();
    }

    /// <summary>An accuracy with its interval, and a mark for its difference from the reference: * p &lt; 0.05, ** p &lt; 0.01, *** p &lt; 0.001.</summary>
    public static string Cell(bool[] right, bool[] reference)
    {
        int count = right.Count(static said => said);
        var (low, high) = Statistics.WilsonInterval(count, right.Length);
        double p = PValue(right, reference);
        string mark = p < 0.001 ? "\\*\\*\\*" : p < 0.01 ? "\\*\\*" : p < 0.05 ? "\\*" : "";
        return string.Create(CultureInfo.InvariantCulture, $"{100.0 * count / right.Length:F1}{mark} ({100 * low:F1}–{100 * high:F1})");
    }

    /// <summary>McNemar's exact p.</summary>
    public static double PValue(bool[] right, bool[] reference)
    {
        int onlyThis = right.Zip(reference).Count(static pair => pair.First && !pair.Second);
        int onlyReference = right.Zip(reference).Count(static pair => !pair.First && pair.Second);
        return Statistics.McNemarExact(onlyThis, onlyReference);
    }
}
