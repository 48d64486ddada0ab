using System.CommandLine;
using T2.Runtime;

namespace T2.Cli;

/// <summary><c>t2 search</c>.</summary>
internal static class SearchCommand
{
    private static readonly Option<string[]> Experts = new("--experts", "-e")
    {
        Description = "An expert file, or a folder of them, to mix. Repeatable.",
        HelpName = "FILE|FOLDER",
        Required = true,
    };

    private static readonly Option<string?> ChatTemplate = new("--chat-template")
    {
        Description = "A chat template llama.cpp knows by name, or 'plain' for none. [default: the model's own]",
        HelpName = "NAME",
    };

    internal static Command Create(Shell shell)
    {
        var command = new DocumentedCommand("search", "Find the mixture of experts that answers a few examples of a task best, by the cross-entropy method.")
        {
            Notes = """
                The result is an ordinary expert file that records the shares. With --state, a search that was stopped goes on where it was and finds the same.
                """,
            Examples =
            [
                ("Ten examples, the paper's search:", "t2 search -m model.gguf -e experts/ --shots task.jsonl -o task.gguf --name task"),
                ("Three examples, ten generations:", "t2 search -m model.gguf -e experts/ --shots task.jsonl --light -o task.gguf --name task"),
                ("Judged by other questions:", "t2 search -m model.gguf -e experts/ --shots few.jsonl --validation others.jsonl -o task.gguf --name task --json"),
            ],
        };
        foreach (var option in new Option[]
        {
            SharedOptions.Model, Experts, SearchFlags.Shots, SearchFlags.ShotCount, SearchFlags.Light, SearchFlags.Validation, SearchFlags.Verifier,
            SearchFlags.Generations, SearchFlags.Population, SearchFlags.Elites, SearchFlags.Deviation, SearchFlags.PerWeight, SearchFlags.Normalise, SearchFlags.Seed,
            SearchFlags.State, SharedOptions.Output, SharedOptions.Name, ChatTemplate, SharedOptions.Threads, SharedOptions.Kernel, SharedOptions.Factors, SharedOptions.Json,
            SharedOptions.Quiet,
        })
            command.Options.Add(option);
        command.SetAction((parsed, cancellation) => RunAsync(shell.Terminal, parsed, cancellation));
        return command;
    }

    private static async Task RunAsync(Terminal terminal, ParseResult parsed, CancellationToken cancellation)
    {
        string modelPath = parsed.GetRequiredValue(SharedOptions.Model);
        string output = parsed.GetRequiredValue(SharedOptions.Output);
        string[] paths = parsed.GetRequiredValue(Experts);
        string name = parsed.GetRequiredValue(SharedOptions.Name);
        var request = SearchFlags.Read(parsed);
        OutputFile.MustDiffer(output, [modelPath, .. paths]);
        var library = new ExpertLibrary();
        ExpertCatalog.AddTo(library, paths, terminal);
        if (library.Experts.Count == 0)
            throw new UsageException("There is nothing to mix: --experts names classification experts only.");
        await using var model = await AdaptiveModel.LoadAsync(
            modelPath,
            new ModelOptions
            {
                AdaptationThreads = parsed.GetValue(SharedOptions.Threads),
                Kernel = Kernels.Resolve(parsed.GetValue(SharedOptions.Kernel)).Name,
                FactorPath = parsed.GetValue(SharedOptions.Factors),
            },
            cancellation).ConfigureAwait(false);
        var batch = new BatchOptions { Threads = parsed.GetValue(SharedOptions.Threads), Format = Conversation.Format(parsed.GetValue(ChatTemplate)) };
        var result = await SearchRunner.RunAsync(
            terminal, model, library.Experts, request with { Options = request.Options with { Name = name } }, batch, cancellation).ConfigureAwait(false);
        if (result.Found is null)
            throw new MisfitException("The search ended with no share for any expert: the base answers these examples best. Nothing was written.");
        OutputFile.Write(output, result.Found.Save);
        var report = SearchReport.Of(output, result);
        Results.Show(terminal, report, parsed.GetValue(SharedOptions.Json), JsonReports.Default.SearchReport, Print);
    }

    private static void Print(Terminal terminal, SearchReport report)
    {
        foreach (var share in report.Shares)
            terminal.Out.WriteLine(Units.Invariant($"{share.Expert,-24} {share.Share:0.000}"));
        terminal.Out.WriteLine(Units.Invariant($"shots: {report.ShotAccuracy:P1}, base {report.BaseShotAccuracy:P1}"));
        if (report.ValidationAccuracy is { } accuracy)
            terminal.Out.WriteLine(Units.Invariant($"validation: {accuracy:P1}, base {report.BaseValidationAccuracy:P1}"));
    }
}
