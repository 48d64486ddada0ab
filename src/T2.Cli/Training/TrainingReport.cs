using T2.Training;

namespace T2.Cli;

/// <summary>What the training commands write with <c>--json</c>.</summary>
/// <param name="ValidationBefore">Share of validation questions the base answers right.</param>
/// <param name="ValidationAfter">The same with the numbers kept.</param>
internal sealed record TrainingReport(
    string File, long Parameters, int Steps, int BestStep, int ValidationItems, double ValidationBefore, double ValidationAfter, bool StoppedEarly, double Seconds, string Log, string Curve)
{
    internal static TrainingReport Of(TrainingResult result, TrainingJob job) => new(
        result.OutputPath, result.Parameters, result.Steps, result.BestStep, result.ValidationItems, (double)result.CorrectBefore / result.ValidationItems,
        (double)result.CorrectAfter / result.ValidationItems, result.StoppedEarly, Math.Round(result.Elapsed.TotalSeconds, 3), job.LogPath, job.CurvePath);

    internal static void Print(Terminal terminal, TrainingReport report)
    {
        terminal.Note(Units.Invariant(
            $"{report.File}: {Units.Count(report.Parameters)} values, step {report.BestStep} of {report.Steps}{(report.StoppedEarly ? " (stopped early)" : "")}, {Units.Seconds(TimeSpan.FromSeconds(report.Seconds))}."));
        terminal.Note($"Validation, {report.ValidationItems} questions: {Units.Percent(report.ValidationBefore)} by the base, {Units.Percent(report.ValidationAfter)} with it.");
        if (report.ValidationAfter <= report.ValidationBefore)
            terminal.Note("It is no better than the base. Try more steps, more samples, another learning rate or less KL; what the base never gets right, z hardly teaches.");
        terminal.Note($"Log {report.Log}, curve {report.Curve}.");
    }
}
