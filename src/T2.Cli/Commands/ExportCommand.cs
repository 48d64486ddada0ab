using System.CommandLine;
using T2.Gguf.Experts;
using T2.Runtime;

namespace T2.Cli;

/// <summary><c>t2 export</c>.</summary>
internal static class ExportCommand
{
    private static readonly Option<string> ExpertFile = new("--expert", "-e") { Description = "The expert file.", HelpName = "FILE", Required = true };

    internal static Command Create(Shell shell)
    {
        var command = new DocumentedCommand("export", "Write a model with an expert's weights as an ordinary GGUF that any llama.cpp loads.")
        {
            Examples = [("Bake an expert in:", "t2 export -m model.gguf --expert math.gguf -o model-math.gguf")],
        };
        foreach (var option in new Option[]
        {
            SharedOptions.Model, ExpertFile, SharedOptions.Output, SharedOptions.AllowOtherBase, SharedOptions.Factors, SharedOptions.Threads, SharedOptions.Kernel, SharedOptions.Quiet,
        })
            command.Options.Add(option);
        command.SetAction(parsed => Run(shell, parsed));
        return command;
    }

    private static void Run(Shell shell, ParseResult parsed)
    {
        string modelPath = parsed.GetRequiredValue(SharedOptions.Model);
        string expertPath = parsed.GetRequiredValue(ExpertFile);
        string output = parsed.GetRequiredValue(SharedOptions.Output);
        OutputFile.MustDiffer(output, modelPath, expertPath);
        var kernel = Kernels.Resolve(parsed.GetValue(SharedOptions.Kernel));
        int threads = SharedOptions.ResolveThreads(parsed.GetValue(SharedOptions.Threads));
        var cancellation = shell.Interrupts.Token;

        var expert = Expert.Load(expertPath);
        using var model = BaseModel.Open(modelPath, cancellation);
        ExpertFit.Verify(expert, model.File, model.Fingerprint, parsed.GetValue(SharedOptions.AllowOtherBase));
        using var factors = model.OpenFactors(parsed.GetValue(SharedOptions.Factors), kernel, threads, shell.Terminal, cancellation);
        OutputFile.Write(output, path => ModelExporter.Export(model.File, model.Fingerprint, expert, factors, kernel, path, threads, cancellation));
        shell.Terminal.Note($"Wrote {output}: {Path.GetFileName(modelPath)} with the weights of expert {expert.Name}.");
    }
}
