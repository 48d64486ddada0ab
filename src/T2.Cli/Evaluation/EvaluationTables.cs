using System.Globalization;
using Spectre.Console;
using T2.Evaluation;

namespace T2.Cli;

/// <summary>An evaluation's report as tables.</summary>
internal static class EvaluationTables
{
    internal static void Print(Terminal terminal, EvaluationReport report)
    {
        PrintResults(terminal, report);
        foreach (var dispatch in report.Dispatch)
            PrintDispatch(terminal, dispatch);
        PrintMixtures(terminal, report.Mixtures);
    }

    private static void PrintResults(Terminal terminal, EvaluationReport report)
    {
        var table = Tables.New("task", "strategy", "items", "right", "95 % interval", "vs base", "p (McNemar)", "failed", "pass 1", "rebuild", "pass 2", "answers/s").Right(2, 3, 4, 5, 6, 7, 8, 9, 10, 11);
        foreach (var result in report.Results)
        {
            table.Row(
                result.Task,
                result.Strategy,
                result.Items.ToString(CultureInfo.InvariantCulture),
                Units.Percent(result.Accuracy),
                Units.Invariant($"{result.Low * 100:0.0}-{result.High * 100:0.0}"),
                result.Versus is { } versus ? Units.Invariant($"+{versus.OnlyThis} -{versus.OnlyBase}") : "",
                result.Versus is { P: var p } ? (p < 1e-4 ? p.ToString("0e+0", CultureInfo.InvariantCulture) : p.ToString("0.0000", CultureInfo.InvariantCulture)) : "",
                result.Failed > 0 ? result.Failed.ToString(CultureInfo.InvariantCulture) : "",
                Seconds(result.Pass1Seconds),
                Seconds(result.RebuildSeconds),
                Seconds(result.Pass2Seconds),
                Units.Invariant($"{result.AnswersPerSecond:0}"));
        }
        terminal.Results.Write(table);
    }

    /// <summary>Who was right how often, and the confusion matrix.</summary>
    internal static void PrintDispatch(Terminal terminal, DispatchResult dispatch)
    {
        string accuracy = dispatch.Decided == 0
            ? "no task says which expert is right"
            : Units.Invariant($"{dispatch.Right} of {dispatch.Decided} right, {Units.Percent((double)dispatch.Right / dispatch.Decided)} ({dispatch.Low * 100:0.0}-{dispatch.High * 100:0.0})");
        terminal.Results.WriteLine($"Dispatch by {dispatch.Strategy}: {accuracy}");
        var table = Tables.New(["asked \\ chosen", .. dispatch.Columns]);
        for (int column = 1; column <= dispatch.Columns.Count; column++)
            table.Right(column);
        for (int row = 0; row < dispatch.Rows.Count; row++)
        {
            var counts = dispatch.Counts[row];
            table.Row([dispatch.Rows[row], .. counts.Select(static count => count.ToString(CultureInfo.InvariantCulture))]);
        }
        terminal.Results.Write(table);
    }

    private static void PrintMixtures(Terminal terminal, IReadOnlyList<MixtureSummary> mixtures)
    {
        if (mixtures.Count == 0)
            return;
        string[] experts = [.. mixtures.SelectMany(static mixture => mixture.Weights.Keys).Distinct(StringComparer.Ordinal)];
        var table = Tables.New(["mixture \\ share", .. experts]);
        for (int column = 1; column <= experts.Length; column++)
            table.Right(column);
        foreach (var mixture in mixtures)
            table.Row([mixture.Title, .. experts.Select(expert => Units.Invariant($"{mixture.Weights.GetValueOrDefault(expert):0.000}"))]);
        terminal.Results.Write(table);
    }

    private static string Seconds(double seconds) => seconds > 0 ? Units.Invariant($"{seconds:0.0} s") : "";
}
