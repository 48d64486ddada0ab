using T2.Runtime;

namespace T2.Cli;

/// <summary>Where the time of an answer went, for <c>--verbose</c>.</summary>
internal static class TimingsTable
{
    /// <param name="terminal">Written to stderr.</param>
    /// <param name="report">The answer.</param>
    /// <param name="load">Time to load the model; null to leave it out.</param>
    internal static void Print(Terminal terminal, AskReport report, TimeSpan? load)
    {
        var table = Tables.New("stage", "ms", "tokens", "tok/s", "detail").Right(1, 2, 3);
        if (load is { } time)
            table.Row("load", Units.Milliseconds(time), "", "", "model and context, once");
        foreach (var stage in report.Stages)
        {
            table.Row(
                AnswerReport.Name(stage.Stage),
                Units.Milliseconds(stage.Elapsed),
                stage.Tokens > 0 ? Units.Count(stage.Tokens) : "",
                stage.Tokens > 0 && stage.Elapsed > TimeSpan.Zero ? Units.Invariant($"{stage.Tokens / stage.Elapsed.TotalSeconds:0.0}") : "",
                stage.Detail);
        }
        table.Row("first token", Units.Milliseconds(report.TimeToFirstToken), "", "", "from the question to the first token of the answer");
        terminal.Notes.Write(table);
    }
}
