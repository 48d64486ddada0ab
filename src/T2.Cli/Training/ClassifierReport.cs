using T2.Evaluation;

namespace T2.Cli;

/// <summary>What <c>t2 train classifier --json</c> writes.</summary>
/// <param name="Training">The run; its validation counts labels generated.</param>
/// <param name="TestItems">Prompts that nothing was trained or chosen by.</param>
/// <param name="Before">Dispatch of these by the base, as <c>--dispatch prompt</c>.</param>
/// <param name="After">The same by the new expert, as <c>--dispatch cls</c>.</param>
/// <param name="P">McNemar's exact p of the difference.</param>
/// <param name="Temperature">Of the labels' probabilities, kept in the file; null = 1, for there was no mistake to fit one by.</param>
internal sealed record ClassifierReport(TrainingReport Training, int TestItems, DispatchResult Before, DispatchResult After, double P, double? Temperature)
{
    internal static void Print(Terminal terminal, ClassifierReport report)
    {
        EvaluationTables.PrintDispatch(terminal, report.Before);
        EvaluationTables.PrintDispatch(terminal, report.After);
        TrainingReport.Print(terminal, report.Training);
        terminal.Note(Units.Invariant($"Test, {report.TestItems} prompts: p = {report.P:0.###} (McNemar){(report.Temperature is { } temperature ? $"; temperature {temperature:0.00} by validation" : "")}."));
    }
}
