using System.Text.RegularExpressions;

namespace T2.Tasks;

/// <summary>
/// Right is Python code that passes tests, run in the <see cref="Sandbox"/>. An item's answer is the tests, after a line <see cref="TestsMark"/> and what the
/// answer continues (a function's head), if it does. The code is the answer's last fenced block, or all of it.
/// </summary>
public sealed partial class ProgramVerifier : IVerifier
{
    /// <summary>The line between what the answer continues and the tests.</summary>
    public const string TestsMark = "# t2: tests";

    private readonly SandboxLimits _limits;

    /// <summary>Makes one.</summary>
    /// <param name="limits">What the code may use; null = the defaults.</param>
    public ProgramVerifier(SandboxLimits? limits = null) => _limits = limits ?? new SandboxLimits();

    /// <inheritdoc/>
    public string Name => "python";

    /// <inheritdoc/>
    public async ValueTask<Verdict> VerifyAsync(TaskItem item, string answer, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(item);
        ArgumentNullException.ThrowIfNull(answer);
        string code = CodeOf(answer);
        if (string.IsNullOrWhiteSpace(code))
            return new Verdict(false, null, "no code in the answer");
        var result = await Sandbox.RunPythonAsync(Program(item.Answer, code), _limits, cancellation).ConfigureAwait(false);
        if (result is { ExitCode: 0, Finished: true })
            return new Verdict(true, code, null);
        string reason = result.ExitCode is null
            ? FormattableString.Invariant($"the program took longer than {_limits.Time.TotalSeconds:0.###} s")
            : result.Complaint ?? (result.ExitCode == 0 ? "the program ended before its tests" : FormattableString.Invariant($"the program was ended (exit code {result.ExitCode})"));
        return new Verdict(false, code, reason);
    }

    internal static string CodeOf(string answer)
    {
        var blocks = Fence().Matches(answer);
        return blocks.Count > 0 ? blocks[^1].Groups["code"].Value : answer;
    }

    private static string Program(string answer, string code)
    {
        int mark = answer.IndexOf(TestsMark, StringComparison.Ordinal);
        string head = mark < 0 ? "" : answer[..mark];
        string tests = mark < 0 ? answer : answer[(mark + TestsMark.Length)..];
        // Code that defines functions of its own takes from the head what that imports only; other code is the rest of the head's function.
        if (Definition().IsMatch(code))
            head = string.Join('\n', head.Split('\n').Where(static line => line.StartsWith("import ", StringComparison.Ordinal) || line.StartsWith("from ", StringComparison.Ordinal))) + "\n";
        return $"{head}{code}\n{tests}";
    }

    [GeneratedRegex("""```(?:[a-zA-Z0-9+]*)[ \t]*\r?\n(?<code>.*?)(?:```|\z)""", RegexOptions.Singleline | RegexOptions.CultureInvariant)]
    private static partial Regex Fence();

    [GeneratedRegex("""^(?:async\s+)?def\s+\w+|^class\s+\w+""", RegexOptions.Multiline | RegexOptions.CultureInvariant)]
    private static partial Regex Definition();
}
