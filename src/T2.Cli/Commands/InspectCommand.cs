using System.CommandLine;

namespace T2.Cli;

/// <summary><c>t2 inspect</c>.</summary>
internal static class InspectCommand
{
    private static readonly Argument<string[]> Files = new("FILE")
    {
        Description = "A model or an expert (GGUF), or a reference checkpoint (.pt); several are reported one after the other.",
        Arity = ArgumentArity.OneOrMore,
    };

    private static readonly Option<bool> TensorList = new("--tensors") { Description = "List every tensor, and why it can be adapted or not." };

    private static readonly Option<bool> Spectra = new("--spectra") { Description = "The spectrum of every factored weight instead of means by kind." };

    internal static Command Create(Shell shell)
    {
        var command = new DocumentedCommand("inspect", "Show what a model or an expert holds.")
        {
            Notes = """
                Spectra are shown for a model that has been factored: σ1 and σr are the largest and smallest singular value, the effective rank is
                exp of the entropy of σ/Σσ, "top 256" the share of Σσ in the 256 largest. With several files, the exit code is that of the first that fails.
                """,
            Examples =
            [
                ("What is in this model, and what can experts adapt?", "t2 inspect model.gguf"),
                ("Every tensor, for a script:", "t2 inspect model.gguf --tensors --json | jq '.tensors[] | select(.adaptable)'"),
                ("What does an expert change?", "t2 inspect math.gguf"),
            ],
        };
        command.Arguments.Add(Files);
        foreach (var option in new Option[] { TensorList, Spectra, SharedOptions.Factors, SharedOptions.Json })
            command.Options.Add(option);
        command.SetAction(parsed => (int)Run(shell, parsed));
        return command;
    }

    private static ExitCode Run(Shell shell, ParseResult parsed)
    {
        var first = ExitCode.Success;
        string[] files = parsed.GetRequiredValue(Files);
        foreach (string file in files)
        {
            try
            {
                Inspect(shell, file, parsed);
            }
            catch (Exception exception) when (files.Length > 1 && exception is not OperationCanceledException)
            {
                var code = Failure.Report(shell.Terminal, exception);
                first = first == ExitCode.Success ? code : first;
            }
        }
        return first;
    }

    private static void Inspect(Shell shell, string path, ParseResult parsed)
    {
        bool json = parsed.GetValue(SharedOptions.Json);
        if (Path.GetExtension(path) is ".pt" or ".pth")
            Results.Show(shell.Terminal, CheckpointInspection.Inspect(path), json, JsonReports.Default.CheckpointReport, CheckpointInspection.Print);
        else if (ExpertCatalog.IsExpert(path))
            Results.Show(shell.Terminal, ExpertInspection.Inspect(path), json, JsonReports.Default.ExpertReport, ExpertInspection.Print);
        else
        {
            var report = ModelInspection.Inspect(
                path, parsed.GetValue(SharedOptions.Factors), parsed.GetValue(TensorList), parsed.GetValue(Spectra), shell.Interrupts.Token);
            Results.Show(shell.Terminal, report, json, JsonReports.Default.ModelReport, ModelPrinter.Print);
        }
    }
}
