using System.CommandLine;
using T2.Gguf.Experts;
using T2.Llama;
using T2.Runtime;

namespace T2.Cli;

/// <summary><c>t2 bench</c>.</summary>
internal static class BenchCommand
{
    private static readonly Option<int> Prompt = Numbers.Whole("--n-prompt", ["-p"], "Tokens of the prompt test; 0 = leave it out.", 0, 1 << 20, 512);

    private static readonly Option<int> Generated = Numbers.Whole("--n-gen", ["-n"], "Tokens of the generation test; 0 = leave it out.", 0, 1 << 20, 128);

    private static readonly Option<int> Repetitions = Numbers.Whole("--repetitions", ["-r"], "Times to measure everything, after a warm-up.", 1, 100_000, 5);

    private static readonly Option<string[]> Experts = new("--experts")
    {
        Description = "Measure these experts too: a file, or a folder of them. Repeatable.",
        HelpName = "FILE|FOLDER",
        DefaultValueFactory = static _ => [],
    };

    private static readonly Option<string[]> Expert = new("--expert", "-e")
    {
        Description = "Measure this expert too. Repeatable.",
        HelpName = "FILE",
        DefaultValueFactory = static _ => [],
    };

    private static readonly Option<string[]> Loras = new("--lora")
    {
        Description = "Measure llama.cpp's LoRA adapter over the base too. Repeatable.",
        HelpName = "FILE",
        DefaultValueFactory = static _ => [],
    };

    private static readonly Option<string> Format = new("--output", "-o")
    {
        Description = "How to write the result: md, json or csv.",
        HelpName = "md|json|csv",
        DefaultValueFactory = static _ => "md",
    };

    private static readonly Option<int> GpuLayers = Numbers.Whole("--n-gpu-layers", ["-ngl"], "Layers to keep on the GPU; -1 = all.", -1, int.MaxValue, 0);

    private static readonly Option<string?> Library = new("--library")
    {
        Description = $"llama.cpp's library or its folder. [default: {LlamaLibrary.EnvironmentVariable}, or the one that came with t2]",
        HelpName = "PATH",
    };

    internal static Command Create(Shell shell)
    {
        var command = new DocumentedCommand("bench", "Measure speed on the base, on experts and under LoRA adapters, as llama-bench does, all on one library in one process.")
        {
            Notes = """
                pp = prompt tokens per second, tg = generated tokens per second, mean ± standard deviation. Where an expert is given: also the time to rebuild it,
                to switch to it once it is kept in memory, to return to the base, and to the first token of a two-pass answer, by stage.
                """,
            Examples =
            [
                ("A model:", "t2 bench -m model.gguf"),
                ("An expert beside a LoRA adapter:", "t2 bench -m model.gguf --expert math.gguf --lora math-r16.gguf"),
                ("For a script, four threads, ten repetitions:", "t2 bench -m model.gguf -t 4 -r 10 -o json"),
            ],
        };
        foreach (var option in new Option[]
        {
            SharedOptions.Model, Prompt, Generated, Repetitions, SharedOptions.Threads, Experts, Expert, Loras, Format, GpuLayers, SharedOptions.Kernel,
            SharedOptions.Factors, SharedOptions.AllowOtherBase, Library, SharedOptions.Quiet,
        })
            command.Options.Add(option);
        command.SetAction((parsed, cancellation) => RunAsync(shell, parsed, cancellation));
        return command;
    }

    private static async Task<int> RunAsync(Shell shell, ParseResult parsed, CancellationToken cancellation)
    {
        string format = parsed.GetValue(Format)!;
        if (format is not ("md" or "json" or "csv"))
            throw new UsageException($"--output takes md, json or csv, not '{format}'.");
        int prompt = parsed.GetValue(Prompt), generated = parsed.GetValue(Generated), repetitions = parsed.GetValue(Repetitions);
        int threads = SharedOptions.ResolveThreads(parsed.GetValue(SharedOptions.Threads));
        var library = new ExpertLibrary();
        ExpertCatalog.AddTo(library, [.. parsed.GetValue(Experts)!, .. parsed.GetValue(Expert)!], shell.Terminal);
        if (prompt == 0 && generated == 0 && library.Experts.Count == 0)
            throw new UsageException("There is nothing to measure: -p and -n are both 0 and no expert is given.");

        await using var model = await Conversation.LoadAsync(
            parsed.GetRequiredValue(SharedOptions.Model),
            new ModelOptions
            {
                GpuLayers = parsed.GetValue(GpuLayers),
                AdaptationThreads = threads,
                Kernel = Kernels.Resolve(parsed.GetValue(SharedOptions.Kernel)).Name,
                FactorPath = parsed.GetValue(SharedOptions.Factors),
                AllowOtherBase = parsed.GetValue(SharedOptions.AllowOtherBase),
                LibraryPath = parsed.GetValue(Library),
            },
            cancellation).ConfigureAwait(false);
        foreach (var expert in library.Experts)
            ExpertFit.Verify(expert, model.File, model.Fingerprint, parsed.GetValue(SharedOptions.AllowOtherBase));
        var loras = new List<LlamaLoraAdapter>();
        try
        {
            foreach (string file in parsed.GetValue(Loras)!)
                loras.Add(Lora(model.Native, file));
            if (library.Experts.Count > 0)
                await FactorAsync(shell.Terminal, model, cancellation).ConfigureAwait(false);
            var rows = await MeasureAsync(new BenchmarkRun(model, prompt, generated, repetitions, threads), library.Experts, loras, cancellation).ConfigureAwait(false);
            var llama = LlamaLibrary.Current!;
            var report = new BenchmarkReport(
                model.File.Path, model.Native.Description, model.Native.SizeInBytes, model.Native.ParameterCount, threads, parsed.GetValue(GpuLayers), model.KernelName,
                llama.Version, llama.Devices is [var device, ..] ? device : "", repetitions, rows);
            switch (format)
            {
                case "json":
                    Json.Write(shell.Terminal.Out, report, JsonReports.Default.BenchmarkReport);
                    break;
                case "csv":
                    BenchmarkPrinter.Csv(shell.Terminal.Out, report);
                    break;
                default:
                    BenchmarkPrinter.Markdown(shell.Terminal.Out, report);
                    break;
            }
        }
        finally
        {
            foreach (var lora in loras)
                lora.Dispose();
        }
        return 0;
    }

    private static async Task<List<BenchmarkRow>> MeasureAsync(BenchmarkRun run, IReadOnlyList<Expert> experts, IReadOnlyList<LlamaLoraAdapter> loras, CancellationToken cancellation)
    {
        var rows = await run.SpeedsAsync(experts, loras, cancellation).ConfigureAwait(false);
        foreach (var expert in experts)
        {
            rows.AddRange(await run.ChangesAsync(expert, cancellation).ConfigureAwait(false));
            rows.AddRange(await run.FirstTokenAsync(experts, expert, cancellation).ConfigureAwait(false));
        }
        return rows;
    }

    private static async Task FactorAsync(Terminal terminal, AdaptiveModel model, CancellationToken cancellation)
    {
        using var progress = new FactorProgressDisplay(terminal);
        try
        {
            await model.FactorAsync(progress, cancellation).ConfigureAwait(false);
        }
        catch (OperationCanceledException cancelled) when (progress.Explain(cancelled) is { } stopped)
        {
            throw stopped;
        }
    }

    private static LlamaLoraAdapter Lora(LlamaModel model, string file)
    {
        try
        {
            return LlamaLoraAdapter.Load(model, file);
        }
        catch (LlamaException exception)
        {
            throw new BadFileException(exception.Message, exception);
        }
    }
}
