using System.Text;
using Spectre.Console;

namespace T2.Cli;

/// <summary>
/// The two streams and what may be written to them: results to stdout, everything else (progress, tables, warnings, errors) to stderr, so that pipes work.
/// Escape sequences only where the stream is a terminal and NO_COLOR is not set.
/// </summary>
internal sealed class Terminal : IDisposable
{
    // Wide enough that a table in a file or pipe never wraps.
    private const int UnboundedWidth = 4000;

    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false);

    private readonly Lazy<IAnsiConsole> _results;
    private readonly Lazy<IAnsiConsole> _notes;

    internal Terminal()
    {
        Out = new StreamWriter(Console.OpenStandardOutput(), Utf8);
        Error = new StreamWriter(Console.OpenStandardError(), Utf8) { AutoFlush = true };
        bool plain = Environment.GetEnvironmentVariable("NO_COLOR") is { Length: > 0 } || Environment.GetEnvironmentVariable("TERM") == "dumb";
        IsLive = !plain && !Console.IsErrorRedirected;
        _results = new(() => Create(Out, !plain && !Console.IsOutputRedirected, Console.IsOutputRedirected));
        _notes = new(() => Create(Error, IsLive, Console.IsErrorRedirected));
    }

    /// <summary>stdout; flushed by whoever writes.</summary>
    internal TextWriter Out { get; }

    /// <summary>stderr.</summary>
    internal TextWriter Error { get; }

    /// <summary>Tables for stdout.</summary>
    internal IAnsiConsole Results => _results.Value;

    /// <summary>Tables and progress for stderr.</summary>
    internal IAnsiConsole Notes => _notes.Value;

    /// <summary>Whether stderr is a terminal on which lines may be drawn over.</summary>
    internal bool IsLive { get; }

    /// <summary>Whether only the result and errors are wanted.</summary>
    internal bool IsQuiet { get; set; }

    /// <summary>A line for the person at the terminal; dropped when quiet.</summary>
    internal void Note(string line)
    {
        if (!IsQuiet)
            Error.WriteLine(line);
    }

    /// <summary>The one line of a failure.</summary>
    internal void Fail(string line) => Error.WriteLine("t2: error: " + OneLine(line));

    public void Dispose()
    {
        Out.Flush();
        Error.Flush();
    }

    private static string OneLine(string text) => string.Join(' ', text.Split(['\r', '\n'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));

    private static IAnsiConsole Create(TextWriter writer, bool ansi, bool redirected)
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = ansi ? AnsiSupport.Yes : AnsiSupport.No,
            ColorSystem = ansi ? ColorSystemSupport.Detect : ColorSystemSupport.NoColors,
            Interactive = ansi ? InteractionSupport.Detect : InteractionSupport.No,
            Out = new AnsiConsoleOutput(writer),
        });
        if (redirected)
            console.Profile.Width = UnboundedWidth;
        return console;
    }
}
