using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Parsing;
using T2.Kernels.Gpu;

namespace T2.Cli;

/// <summary>The whole command line: its commands, and from arguments to exit code.</summary>
internal static class T2CommandLine
{
    internal static async Task<int> RunAsync(string[] arguments)
    {
        using var terminal = new Terminal();
        using var interrupts = new Interrupts();
        try
        {
            return await InvokeAsync(new Shell(terminal, interrupts), arguments).ConfigureAwait(false);
        }
        catch (Exception exception)
        {
            return (int)Failure.Report(terminal, exception);
        }
    }

    private static async Task<int> InvokeAsync(Shell shell, string[] arguments)
    {
        // A prompt may start with '@' and an option is never a bundle of letters: -ngl is one option.
        var parsed = Create(shell).Parse(arguments, new ParserConfiguration { EnablePosixBundling = false, ResponseFileTokenReplacer = null });
        if (parsed.Action is not HelpWithExamples and not VersionAction)
            Check(parsed);
        shell.Terminal.IsQuiet = parsed.GetResult(SharedOptions.Quiet) is { Implicit: false } && parsed.GetValue(SharedOptions.Quiet);
        var configuration = new InvocationConfiguration
        {
            Output = shell.Terminal.Out,
            Error = shell.Terminal.Error,
            EnableDefaultExceptionHandler = false,
            ProcessTerminationTimeout = null,
        };
        return await parsed.InvokeAsync(configuration, shell.Interrupts.Token).ConfigureAwait(false);
    }

    private static RootCommand Create(Shell shell)
    {
        GpuKernelEntry.Register();
        var root = new RootCommand("T2 runs GGUF models whose weights adapt to the question: experts scale the singular values of every weight, in place.")
        {
            RunCommand.Create(shell),
            InspectCommand.Create(shell),
            FactorCommand.Create(shell),
            ExpertCommand.Create(shell),
            SearchCommand.Create(shell),
            ExportCommand.Create(shell),
            TrainCommand.Create(shell),
            EvalCommand.Create(shell),
            ConvertCommand.Create(shell),
            BenchCommand.Create(shell),
            PlanCommand.Create(shell),
            KernelsCommand.Create(shell),
        };
        root.Options.Clear();
        var help = new HelpOption("--help", "-h", "-?") { Description = "Show help and examples." };
        help.Action = new HelpWithExamples((HelpAction)help.Action!);
        root.Options.Add(help);
        root.Options.Add(new Option<bool>("--version") { Description = "Show T2's and llama.cpp's version.", Action = new VersionAction(shell) });
        return root;
    }

    private static void Check(ParseResult parsed)
    {
        string hint = $"; see '{Path(parsed.CommandResult)} --help'";
        // An unknown flag would otherwise be taken for a prompt or a file name.
        if (!parsed.Tokens.Any(static token => token.Type == TokenType.DoubleDash))
        {
            foreach (var token in parsed.CommandResult.Children.OfType<ArgumentResult>().SelectMany(static argument => argument.Tokens))
            {
                if (token.Value.Length > 1 && token.Value[0] == '-')
                    throw new UsageException($"There is no option '{token.Value}' (text that starts with '-' goes after '--'){hint}");
            }
        }
        if (parsed.CommandResult.Command.Subcommands.Count > 0 && parsed.UnmatchedTokens is [var unknown, ..])
            throw new UsageException($"There is no command '{unknown}'{hint}");
        if (parsed.Errors.Count > 0)
            throw new UsageException(parsed.Errors[0].Message.TrimEnd('.') + hint);
    }

    private static string Path(CommandResult command) =>
        command.Parent is CommandResult parent ? $"{Path(parent)} {command.Command.Name}" : "t2";
}
