using System.CommandLine;

namespace T2.Cli;

/// <summary><c>t2 expert show</c>.</summary>
internal static class ExpertShowCommand
{
    private static readonly Argument<string> File = new("FILE") { Description = "An expert file." };

    internal static Command Create(Shell shell)
    {
        var command = new DocumentedCommand("show", "Show an expert: what it is for, and statistics of every z vector.")
        {
            Examples = [("How far from the base is it?", "t2 expert show math.gguf")],
        };
        command.Arguments.Add(File);
        command.Options.Add(SharedOptions.Json);
        command.SetAction(parsed => Results.Show(
            shell.Terminal,
            ExpertInspection.Inspect(parsed.GetRequiredValue(File)),
            parsed.GetValue(SharedOptions.Json),
            JsonReports.Default.ExpertReport,
            ExpertInspection.Print));
        return command;
    }
}
