using System.CommandLine;
using System.Diagnostics;
using T2.Kernels;

namespace T2.Cli;

/// <summary><c>t2 factor</c>.</summary>
internal static class FactorCommand
{
    private static readonly Option<long?> Memory = ByteCounts.Optional(
        "--memory", "Most working memory; fewer weights are factored at once to stay below it. [default: half of this machine's]");

    internal static Command Create(Shell shell)
    {
        var command = new DocumentedCommand("factor", "Compute the factors of a model's weights, once, into the sidecar file beside it.")
        {
            Notes = """
                'run' and the others do this by themselves when they need to; do it ahead where the first answer should not wait.
                Ctrl-C loses at most the weights being factored; run it again to go on.
                """,
            Examples =
            [
                ("Factor a model:", "t2 factor -m model.gguf"),
                ("With two threads, to another disk:", "t2 factor -m model.gguf -t 2 --factors /mnt/fast/model.t2factors"),
                ("In little memory:", "t2 factor -m model.gguf --memory 2GiB"),
            ],
        };
        foreach (var option in new Option[] { SharedOptions.Model, SharedOptions.Factors, SharedOptions.Threads, Memory, SharedOptions.Kernel, SharedOptions.Json, SharedOptions.Quiet })
            command.Options.Add(option);
        command.SetAction(parsed => Run(shell, parsed));
        return command;
    }

    private static void Run(Shell shell, ParseResult parsed)
    {
        var kernel = Kernels.Resolve(parsed.GetValue(SharedOptions.Kernel));
        string path = parsed.GetRequiredValue(SharedOptions.Model);
        string sidecar = parsed.GetValue(SharedOptions.Factors) ?? FactorStore.DefaultPath(path);
        OutputFile.MustDiffer(sidecar, path);
        using var model = BaseModel.Open(path, shell.Interrupts.Token);
        long started = Stopwatch.GetTimestamp();
        using var factors = model.OpenFactors(
            sidecar, kernel, SharedOptions.ResolveThreads(parsed.GetValue(SharedOptions.Threads)), shell.Terminal, shell.Interrupts.Token, parsed.GetValue(Memory));
        var report = new FactorReport(sidecar, factors.WeightNames.Count, factors.ByteLength, model.FullSvdBytes, Stopwatch.GetElapsedTime(started).TotalSeconds, kernel.Name);
        Results.Show(shell.Terminal, report, parsed.GetValue(SharedOptions.Json), JsonReports.Default.FactorReport, Print);
    }

    private static void Print(Terminal terminal, FactorReport report) => terminal.Note(
        Units.Invariant($"{report.File}: {report.Weights} weights, {Units.Bytes(report.Bytes)} ({Units.Percent((double)report.Bytes / report.FullSvdBytes)} of U, σ, V in fp32), {report.Seconds:0.0} s, kernel {report.Kernel}."));
}
