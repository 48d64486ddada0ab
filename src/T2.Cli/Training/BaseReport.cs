namespace T2.Cli;

/// <summary>What <c>t2 train base --json</c> writes.</summary>
/// <param name="Loss">Nats a token, over the last steps.</param>
/// <param name="ValidationLoss">Nats a token of the documents held out; absent without any.</param>
internal sealed record BaseReport(string File, long Parameters, int Documents, long Steps, long Tokens, double Loss, double? ValidationLoss, double Seconds, string Log)
{
    internal static void Print(Terminal terminal, BaseReport report)
    {
        string validation = report.ValidationLoss is { } loss ? Units.Invariant($", {loss:0.0000} on documents held out") : "";
        terminal.Note(Units.Invariant(
            $"{report.File}: {Units.Count(report.Parameters)} weights, {report.Steps} steps, {Units.Count(report.Tokens)} tokens of {Units.Count(report.Documents)} documents, {Units.Seconds(TimeSpan.FromSeconds(report.Seconds))}."));
        terminal.Note(Units.Invariant($"Loss {report.Loss:0.0000} a token{validation}. Log {report.Log}."));
    }
}
