using System.ComponentModel;
using System.Diagnostics;
using System.Text;
using System.Text.Json;

namespace T2.Tasks;

/// <summary>
/// A user's own command judges: it gets {"item":{…},"answer":"…"} on its standard input and exits with 0 for a right answer, with anything else for a wrong one. The
/// first line it prints is reported as what it took for the answer. The command runs in the shell with all rights of the user: it is no sandbox.
/// </summary>
public sealed class CommandVerifier : IVerifier
{
    /// <summary>What shells exit with when they cannot run a command at all: 126 not executable, 127 not found.</summary>
    private const int FirstShellFailure = 126;

    private const int LongestExtract = 500;
    private readonly string _command;
    private readonly TimeSpan _timeLimit;

    /// <summary>Makes one.</summary>
    /// <param name="command">A command line for <c>/bin/sh -c</c> (<c>cmd /c</c> on Windows).</param>
    /// <param name="timeLimit">Most time for one answer; null = 30 seconds. Whoever takes longer is ended, with all it started, and the answer counts as wrong.</param>
    public CommandVerifier(string command, TimeSpan? timeLimit = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(command);
        _command = command;
        _timeLimit = timeLimit ?? TimeSpan.FromSeconds(30);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(_timeLimit, TimeSpan.Zero, nameof(timeLimit));
    }

    /// <inheritdoc/>
    public string Name => "command";

    /// <inheritdoc/>
    public async ValueTask<Verdict> VerifyAsync(TaskItem item, string answer, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(item);
        ArgumentNullException.ThrowIfNull(answer);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(_timeLimit);
        Process process;
        try
        {
            process = Process.Start(Shell(_command))!;
        }
        catch (Win32Exception exception)
        {
            return new Verdict(false, null, $"the verifier command cannot be started: {exception.Message}");
        }
        using (process)
        {
            try
            {
                var output = process.StandardOutput.ReadToEndAsync(limit.Token);
                var errors = process.StandardError.ReadToEndAsync(limit.Token);
                await FeedAsync(process, Request(item, answer), limit.Token).ConfigureAwait(false);
                await process.WaitForExitAsync(limit.Token).ConfigureAwait(false);
                string? extracted = FirstLine(await output.ConfigureAwait(false));
                string? complaint = FirstLine(await errors.ConfigureAwait(false));
                int code = process.ExitCode;
                string? problem = code >= FirstShellFailure ? $"the verifier command failed with exit code {code}{(complaint is null ? "" : $": {complaint}")}" : null;
                return new Verdict(code == 0, extracted, problem);
            }
            catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
            {
                return new Verdict(false, null, FormattableString.Invariant($"the verifier command took longer than {_timeLimit.TotalSeconds:0.###} s"));
            }
            finally
            {
                if (!process.HasExited)
                    process.Kill(entireProcessTree: true);
            }
        }
    }

    private static async Task FeedAsync(Process process, byte[] request, CancellationToken cancellation)
    {
        try
        {
            await process.StandardInput.BaseStream.WriteAsync(request, cancellation).ConfigureAwait(false);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // The command has ended, or closed its input, without reading all of it; its exit code still counts.
        }
    }

    private static byte[] Request(TaskItem item, string answer)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream, TaskFile.Options))
        {
            json.WriteStartObject();
            json.WriteStartObject("item");
            TaskFile.WriteItem(json, item);
            json.WriteEndObject();
            json.WriteString("answer", answer);
            json.WriteEndObject();
        }
        stream.WriteByte((byte)'\n');
        return stream.ToArray();
    }

    private static string? FirstLine(string text)
    {
        string line = text.TrimStart().Split('\n', 2)[0].TrimEnd();
        return line.Length == 0 ? null : line.Length <= LongestExtract ? line : line[..LongestExtract];
    }

    private static ProcessStartInfo Shell(string command)
    {
        var start = new ProcessStartInfo(OperatingSystem.IsWindows() ? "cmd.exe" : "/bin/sh")
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
            StandardOutputEncoding = Encoding.UTF8,
        };
        start.ArgumentList.Add(OperatingSystem.IsWindows() ? "/c" : "-c");
        start.ArgumentList.Add(command);
        return start;
    }
}
