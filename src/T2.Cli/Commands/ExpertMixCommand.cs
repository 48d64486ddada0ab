using System.CommandLine;
using T2.Gguf.Experts;

namespace T2.Cli;

/// <summary><c>t2 expert mix</c>.</summary>
internal static class ExpertMixCommand
{
    private static readonly Argument<string[]> Parts = new("FILE=WEIGHT")
    {
        Description = "Expert files and their weights.",
        Arity = ArgumentArity.OneOrMore,
    };

    internal static Command Create(Shell shell)
    {
        var command = new DocumentedCommand("mix", "Mix experts into a new one: z = 1 + Σ α·(z − 1).")
        {
            Examples = [("Seven parts maths, three parts code:", "t2 expert mix math.gguf=0.7 code.gguf=0.3 -o both.gguf --name both")],
        };
        command.Arguments.Add(Parts);
        command.Options.Add(SharedOptions.Output);
        command.Options.Add(SharedOptions.Name);
        command.Options.Add(SharedOptions.Quiet);
        command.SetAction(parsed => Run(
            shell.Terminal,
            [.. parsed.GetRequiredValue(Parts).Select(WeightedName.Parse)],
            parsed.GetRequiredValue(SharedOptions.Output),
            parsed.GetRequiredValue(SharedOptions.Name)));
        return command;
    }

    private static void Run(Terminal terminal, IReadOnlyList<WeightedName> recipe, string output, string name)
    {
        OutputFile.MustDiffer(output, [.. recipe.Select(static part => part.Name)]);
        var mixed = Mix([.. recipe.Select(static part => (Expert.Load(part.Name), part.Weight))], name);
        OutputFile.Write(output, mixed.Save);
        terminal.Note($"Wrote {output}: {mixed}.");
    }

    private static Expert Mix(IReadOnlyList<(Expert, float)> parts, string name)
    {
        try
        {
            return Expert.Mix(parts, name);
        }
        catch (ArgumentException exception)
        {
            throw new MisfitException(Failure.WithoutParameter(exception), exception);
        }
    }
}
