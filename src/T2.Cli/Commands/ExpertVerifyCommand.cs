using System.CommandLine;
using T2.Gguf.Experts;
using T2.Runtime;

namespace T2.Cli;

/// <summary><c>t2 expert verify</c>.</summary>
internal static class ExpertVerifyCommand
{
    private static readonly Argument<string[]> Files = new("FILE") { Description = "Expert files.", Arity = ArgumentArity.OneOrMore };

    internal static Command Create(Shell shell)
    {
        var command = new DocumentedCommand("verify", "Check that experts fit a model: architecture, base weights, names, shapes. Exits with 4 where one does not.")
        {
            Examples =
            [
                ("Does it fit?", "t2 expert verify math.gguf -m model.gguf"),
                ("Would it fit another quantisation of its base?", "t2 expert verify math.gguf -m model-q4.gguf --allow-other-base"),
            ],
        };
        command.Arguments.Add(Files);
        command.Options.Add(SharedOptions.Model);
        command.Options.Add(SharedOptions.AllowOtherBase);
        command.SetAction(parsed => Run(
            shell,
            parsed.GetRequiredValue(Files),
            parsed.GetRequiredValue(SharedOptions.Model),
            parsed.GetValue(SharedOptions.AllowOtherBase)));
        return command;
    }

    private static void Run(Shell shell, string[] files, string modelPath, bool allowOtherBase)
    {
        var experts = files.Select(static file => (File: file, Expert: Expert.Load(file))).ToArray();
        using var model = BaseModel.Open(modelPath, shell.Interrupts.Token);
        foreach (var (file, expert) in experts)
        {
            ExpertFit.Verify(expert, model.File, model.Fingerprint, allowOtherBase);
            shell.Terminal.Out.WriteLine($"OK: {file} ({expert.Name}, {expert.Vectors.Count} vectors) fits {modelPath}");
        }
    }
}
