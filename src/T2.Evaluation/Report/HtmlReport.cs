using System.Globalization;
using System.Net;
using System.Text;
using T2.Charts;

namespace T2.Evaluation;

/// <summary>An evaluation's report as one page without scripts, its pictures within.</summary>
internal static class HtmlReport
{
    private const string Style =
        """
        body { font: 15px/1.5 system-ui, sans-serif; max-width: 1000px; margin: 2em auto; padding: 0 1em; color: #222; }
        table { border-collapse: collapse; margin: 1em 0; } th, td { padding: .25em .7em; border-bottom: 1px solid #ddd; text-align: right; }
        th:first-child, td:first-child, .name { text-align: left; } .right { background: #e6f4e6; } svg { max-width: 100%; height: auto; } .note { color: #666; }
        """;

    private static readonly ChartOptions s_options = new() { IsDocument = false, Width = 900, Height = 420 };

    internal static string Write(EvaluationReport report)
    {
        var page = new StringBuilder($"<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{Text(report.Model)}: evaluation</title><style>\n{Style}\n</style></head><body>\n");
        page.Append(CultureInfo.InvariantCulture, $"<h1>{Text(report.Model)}</h1>\n<p class=\"note\">Weights {Text(report.Fingerprint)}. {Text(report.Settings)}.</p>\n");
        Accuracy(page, report);
        foreach (var dispatch in report.Dispatch.Where(static dispatch => dispatch.Rows.Count > 0))
            Confusion(page, dispatch);
        Mixtures(page, report);
        Results(page, report);
        Categories(page, report);
        return page.Append("</body></html>\n").ToString();
    }

    private static void Accuracy(StringBuilder page, EvaluationReport report)
    {
        string[] tasks = [.. report.Tasks.Select(static task => task.Name)];
        var groups = report.Strategies.Select(strategy =>
        {
            var results = tasks.Select(task => report.Results.First(result => result.Task == task && result.Strategy == strategy)).ToArray();
            return new BarGroup(strategy, [.. results.Select(static result => result.Items > 0 ? result.Accuracy * 100 : double.NaN)])
            {
                Intervals = [.. results.Select(static result => (result.Low * 100, result.High * 100))],
            };
        });
        page.Append("<h2>Right answers</h2>\n").Append(Chart.Bars("Right answers, with 95 % intervals", "%", tasks, [.. groups], s_options with { MinimumY = 0, MaximumY = 100 })).Append('\n');
    }

    private static void Confusion(StringBuilder page, DispatchResult dispatch)
    {
        double[,] shares = new double[dispatch.Rows.Count, dispatch.Columns.Count];
        for (int row = 0; row < dispatch.Rows.Count; row++)
        {
            double all = Math.Max(1, dispatch.Counts[row].Sum());
            for (int column = 0; column < dispatch.Columns.Count; column++)
                shares[row, column] = dispatch.Counts[row][column] / all;
        }
        string accuracy = dispatch.Decided == 0
            ? "No task says which expert is right."
            : FormattableString.Invariant($"{dispatch.Right} of {dispatch.Decided} right: {100.0 * dispatch.Right / dispatch.Decided:0.0} % (95 %: {dispatch.Low * 100:0.0}–{dispatch.High * 100:0.0}).");
        page.Append(CultureInfo.InvariantCulture, $"<h2>Dispatch by {Text(dispatch.Strategy)}</h2>\n<p>{accuracy}</p>\n");
        page.Append(Chart.Heatmap("What was asked (rows) and which expert was chosen", dispatch.Rows, dispatch.Columns, shares, "P0", s_options)).Append('\n');
        page.Append("<table><tr><th>asked \\ chosen</th>");
        foreach (string column in dispatch.Columns)
            page.Append(CultureInfo.InvariantCulture, $"<th>{Text(column)}</th>");
        page.Append("</tr>\n");
        for (int row = 0; row < dispatch.Rows.Count; row++)
        {
            page.Append(CultureInfo.InvariantCulture, $"<tr><td>{Text(dispatch.Rows[row])}</td>");
            for (int column = 0; column < dispatch.Columns.Count; column++)
                page.Append(CultureInfo.InvariantCulture, $"<td{(dispatch.Expected[row] == column ? " class=\"right\"" : "")}>{dispatch.Counts[row][column]}</td>");
            page.Append("</tr>\n");
        }
        page.Append("</table>\n");
    }

    private static void Mixtures(StringBuilder page, EvaluationReport report)
    {
        if (report.Mixtures.Count == 0)
            return;
        string[] experts = [.. report.Mixtures.SelectMany(static mixture => mixture.Weights.Keys).Distinct(StringComparer.Ordinal)];
        var groups = report.Mixtures.Select(mixture => new BarGroup(mixture.Title, [.. experts.Select(expert => mixture.Weights.GetValueOrDefault(expert))]));
        page.Append("<h2>Mixtures</h2>\n").Append(Chart.Bars("Weight α of each expert", "α", experts, [.. groups], s_options)).Append('\n');
        page.Append("<table><tr><th>mixture</th>");
        foreach (string expert in experts)
            page.Append(CultureInfo.InvariantCulture, $"<th>{Text(expert)}</th>");
        page.Append("<th class=\"name\">found by</th></tr>\n");
        foreach (var mixture in report.Mixtures)
        {
            page.Append(CultureInfo.InvariantCulture, $"<tr><td>{Text(mixture.Title)}</td>");
            foreach (string expert in experts)
                page.Append(CultureInfo.InvariantCulture, $"<td>{mixture.Weights.GetValueOrDefault(expert):0.000}</td>");
            page.Append(CultureInfo.InvariantCulture, $"<td class=\"name\">{Text(mixture.Search ?? "")}</td></tr>\n");
        }
        page.Append("</table>\n");
    }

    private static void Results(StringBuilder page, EvaluationReport report)
    {
        page.Append("<h2>Numbers</h2>\n<table><tr><th>task</th><th class=\"name\">strategy</th><th>items</th><th>right</th><th>95 % interval</th><th>only this / only base</th><th>p</th><th>mid-p</th><th>failed</th><th>tokens</th><th>pass 1, s</th><th>rebuild, s</th><th>pass 2, s</th><th>answers/s</th></tr>\n");
        foreach (var result in report.Results)
        {
            page.Append(CultureInfo.InvariantCulture, $"<tr><td>{Text(result.Task)}</td><td class=\"name\">{Text(result.Strategy)}</td><td>{result.Items}</td><td>{result.Accuracy * 100:0.0} %</td><td>{result.Low * 100:0.0}–{result.High * 100:0.0}</td>");
            page.Append(result.Versus is { } versus
                ? FormattableString.Invariant($"<td>{versus.OnlyThis} / {versus.OnlyBase}</td><td>{versus.P:0.###e+0}</td><td>{versus.MidP:0.###e+0}</td>")
                : "<td></td><td></td><td></td>");
            page.Append(CultureInfo.InvariantCulture, $"<td>{result.Failed}</td><td>{result.MeanTokens:0.0}</td><td>{result.Pass1Seconds:0.00}</td><td>{result.RebuildSeconds:0.000}</td><td>{result.Pass2Seconds:0.00}</td><td>{result.AnswersPerSecond:0}</td></tr>\n");
        }
        page.Append("</table>\n<p class=\"note\">Intervals: Wilson. p: McNemar's exact test against the base on the same items. Failed items count as wrong.</p>\n");
    }

    private static void Categories(StringBuilder page, EvaluationReport report)
    {
        if (report.Results.All(static result => result.Categories.Count < 2))
            return;
        page.Append("<h2>Categories</h2>\n<table><tr><th>task</th><th class=\"name\">strategy</th><th class=\"name\">category</th><th>items</th><th>right</th><th>95 % interval</th></tr>\n");
        foreach (var result in report.Results)
        {
            foreach (var part in result.Categories)
                page.Append(CultureInfo.InvariantCulture, $"<tr><td>{Text(result.Task)}</td><td class=\"name\">{Text(result.Strategy)}</td><td class=\"name\">{Text(part.Category)}</td><td>{part.Items}</td><td>{100.0 * part.Correct / part.Items:0.0} %</td><td>{part.Low * 100:0.0}–{part.High * 100:0.0}</td></tr>\n");
        }
        page.Append("</table>\n");
    }

    private static string Text(string text) => WebUtility.HtmlEncode(text);
}
