using System.CommandLine;
using T2.Kernels;

namespace T2.Cli;

/// <summary><c>t2 kernels</c>.</summary>
internal static class KernelsCommand
{
    internal static Command Create(Shell shell)
    {
        var command = new DocumentedCommand("kernels", "List the kernels that factor and rebuild weights, and which one would be used.")
        {
            Examples =
            [
                ("Which kernel would run here?", "t2 kernels"),
                ("Would this one?", $"{KernelRegistry.EnvironmentVariable}=reference t2 kernels"),
            ],
        };
        command.Options.Add(SharedOptions.Kernel);
        command.Options.Add(SharedOptions.Json);
        command.SetAction(parsed => Run(shell.Terminal, Kernels.Resolve(parsed.GetValue(SharedOptions.Kernel)).Name, parsed.GetValue(SharedOptions.Json)));
        return command;
    }

    private static void Run(Terminal terminal, string used, bool json)
    {
        var entries = KernelRegistry.Entries.Select(entry => new KernelReport(entry.Name, entry.IsAvailable(), entry.Name == used, entry.Reason)).ToArray();
        Results.Show(terminal, new KernelsReport(entries), json, JsonReports.Default.KernelsReport, Print);
    }

    private static void Print(Terminal terminal, KernelsReport report)
    {
        var table = Tables.New("kernel", "available", "used", "reason");
        foreach (var kernel in report.Kernels)
            table.Row(kernel.Name, kernel.Available ? "yes" : "no", kernel.Used ? "yes" : "", kernel.Reason);
        terminal.Results.Write(table);
    }
}
