using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace T2.Cli;

/// <summary>System.CommandLine's help, followed by the command's notes and examples.</summary>
internal sealed class HelpWithExamples(HelpAction standard) : SynchronousCommandLineAction
{
    internal const string ExitCodes =
        """
        Exit codes:
            0  success
            1  unexpected error
            2  usage: a flag, name, number, grammar or formula makes no sense
            3  a file is missing, unreadable, malformed, or cannot be written
            4  valid inputs that do not fit one another: expert and model, prompt and context
            5  llama.cpp's library is missing or unknown
            6  training cannot start or go on
          130  cancelled (Ctrl-C, SIGTERM)
        """;

    /// <inheritdoc/>
    public override bool ClearsParseErrors => true;

    /// <inheritdoc/>
    public override int Invoke(ParseResult parseResult)
    {
        standard.Invoke(parseResult);
        var output = parseResult.InvocationConfiguration.Output;
        var command = parseResult.CommandResult.Command;
        if (command is RootCommand)
        {
            output.WriteLine(ExitCodes);
            output.WriteLine();
        }
        if (command is not DocumentedCommand documented)
            return 0;
        if (documented.Notes is { } notes)
        {
            output.WriteLine(notes);
            output.WriteLine();
        }
        if (documented.Examples.Count > 0)
        {
            output.WriteLine("Examples:");
            foreach (var (purpose, line) in documented.Examples)
                output.WriteLine($"  {purpose}\n    {line}");
            output.WriteLine();
        }
        return 0;
    }
}
