using System.CommandLine;
using T2.Gguf.Experts;
using T2.Runtime;

namespace T2.Cli;

/// <summary><c>t2 expert transfer</c>.</summary>
internal static class ExpertTransferCommand
{
    private static readonly Argument<string> File = new("EXPERT") { Description = "The expert file." };

    private static readonly Option<bool> Force = new("--force")
    {
        Description = "Resample vectors of other lengths: value j of r' is read at j*(r-1)/(r'-1) of r, linearly between neighbours.",
    };

    private static readonly Option<int?> Shuffle = Numbers.Optional("--shuffle", [], "Put each vector's values in a random order, to see what the order is worth.", 0, int.MaxValue);

    internal static Command Create(Shell shell)
    {
        var command = new DocumentedCommand("transfer", "Take an expert of one model to another whose matrices have the same shapes.")
        {
            Notes = """
                The n-th largest singular value of a weight gets the factor that the n-th largest had. Whether that helps is for 't2 eval' to say.
                """,
            Examples = [("To another model of the same shapes:", "t2 expert transfer math.gguf -m other.gguf -o other-math.gguf")],
        };
        command.Arguments.Add(File);
        foreach (var option in new Option[] { SharedOptions.Model, SharedOptions.Output, Force, Shuffle, SharedOptions.Json, SharedOptions.Quiet })
            command.Options.Add(option);
        command.SetAction(parsed => Run(shell, parsed));
        return command;
    }

    private static void Run(Shell shell, ParseResult parsed)
    {
        string file = parsed.GetRequiredValue(File);
        string output = parsed.GetRequiredValue(SharedOptions.Output);
        string modelPath = parsed.GetRequiredValue(SharedOptions.Model);
        OutputFile.MustDiffer(output, file, modelPath);
        var expert = Expert.Load(file);
        using var model = BaseModel.Open(modelPath, shell.Interrupts.Token);
        var (moved, resampled) = ExpertTransfer.Apply(expert, model.File, model.Fingerprint, parsed.GetValue(Force), parsed.GetValue(Shuffle));
        OutputFile.Write(output, moved.Save);
        var report = new TransferReport(output, moved.Name, expert.BaseFingerprint, moved.BaseFingerprint, moved.Vectors.Count, resampled);
        Results.Show(shell.Terminal, report, parsed.GetValue(SharedOptions.Json), JsonReports.Default.TransferReport, Print);
    }

    private static void Print(Terminal terminal, TransferReport report)
    {
        terminal.Out.WriteLine($"from  {report.From}");
        terminal.Out.WriteLine($"to    {report.To}");
        terminal.Out.WriteLine(report.Resampled == 0 ? $"{report.Vectors} vectors, as they were" : $"{report.Vectors} vectors, {report.Resampled} of them resampled");
        terminal.Note($"Wrote {report.Output}.");
    }
}
