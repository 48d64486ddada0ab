using System.CommandLine;
using T2.Gguf;
using T2.Kernels;
using T2.Kernels.Gpu;

namespace T2.Cli;

/// <summary><c>t2 plan</c>.</summary>
internal static class PlanCommand
{
    private static readonly Option<long?> Vram = ByteCounts.Optional("--vram", "Device memory to plan for: what is free before the model is loaded. Required.");

    private static readonly Option<long?> Reserve = ByteCounts.Optional("--reserve", "Device memory to leave for KV cache and compute buffers. [default: 1GiB]");

    private static readonly Option<long?> Pinned = ByteCounts.Optional("--pinned", "Most page-locked host memory for streamed factors. [default: a quarter of this machine's]");

    private static readonly Option<string> Best = new("--best")
    {
        Description = "The best place a weight's factors may get: resident, streamed or cpu.",
        HelpName = "resident|streamed|cpu",
        DefaultValueFactory = static _ => "resident",
    };

    internal static Command Create(Shell shell)
    {
        var command = new DocumentedCommand("plan", "Say how a model and the factors of its weights would share a GPU's memory. Needs no GPU: nothing is measured or allocated.")
        {
            Notes = """
                Factors stay on the device (resident), are streamed to it from page-locked host memory for each rebuild (streamed), or the weight is rebuilt on
                the CPU and uploaded (cpu), the best that fits.
                """,
            Examples =
            [
                ("Does it fit 8 GiB?", "t2 plan -m model.gguf --vram 8GiB"),
                ("With room for a long context, for a script:", "t2 plan -m model.gguf --vram 24GB --reserve 6GB --json | jq .fits"),
            ],
        };
        foreach (var option in new Option[] { SharedOptions.Model, Vram, Reserve, Pinned, Best, SharedOptions.Json, SharedOptions.Quiet })
            command.Options.Add(option);
        command.SetAction(parsed => Run(shell, parsed));
        return command;
    }

    private static void Run(Shell shell, ParseResult parsed)
    {
        long vram = parsed.GetValue(Vram) ?? throw new UsageException("--vram is missing: the device memory to plan for, such as 8GiB.");
        if (vram == 0)
            throw new UsageException("--vram is 0: there is no GPU to plan for.");
        var options = new GpuPlanOptions();
        options = options with
        {
            ReservedBytes = parsed.GetValue(Reserve) ?? options.ReservedBytes,
            PinnedBytes = parsed.GetValue(Pinned) ?? options.PinnedBytes,
            Best = parsed.GetValue(Best) switch
            {
                "resident" => FactorPlacement.Resident,
                "streamed" => FactorPlacement.Streamed,
                "cpu" => FactorPlacement.Cpu,
                var other => throw new UsageException($"--best takes resident, streamed or cpu, not '{other}'."),
            },
        };
        using var model = GgufFile.Open(parsed.GetRequiredValue(SharedOptions.Model));
        if (!BlockWeights.List(model).Any())
            throw new BadFileException($"{model.Path} has no weights that can be adapted ('t2 inspect' says why).");
        var plan = GpuMemoryPlan.For(model, vram, options);
        Results.Show(shell.Terminal, PlanReport.Of(model.Path, plan), parsed.GetValue(SharedOptions.Json), JsonReports.Default.PlanReport, (terminal, _) =>
        {
            terminal.Out.WriteLine(plan.ToString());
            terminal.Out.Flush();
        });
    }
}
