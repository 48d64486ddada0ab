using System.Diagnostics;
using System.Text;

namespace T2.TestKit;

/// <summary>What a finished process left behind.</summary>
/// <param name="ExitCode">Its exit code; 128 + the signal's number when a signal ended it (134 is an abort, 139 a bad memory access).</param>
/// <param name="StandardOutput">All it wrote to standard output, read as UTF-8.</param>
/// <param name="StandardError">All it wrote to standard error, read as UTF-8.</param>
public sealed record TestProcessResult(int ExitCode, string StandardOutput, string StandardError)
{
    /// <summary>Exit code and both streams, for the message of a failed assertion.</summary>
    public override string ToString() => $"exit code {ExitCode}\n--- standard output ---\n{StandardOutput}\n--- standard error ---\n{StandardError}";
}

/// <summary>Runs programs as a user would, in a process of their own, so that a crash in native code is a result and not the end of the test run.</summary>
public static class TestProcess
{
    private static readonly UTF8Encoding s_utf8 = new(encoderShouldEmitUTF8Identifier: false);

    /// <summary>How long a program may run where the caller names no limit.</summary>
    public static readonly TimeSpan DefaultTimeout = TimeSpan.FromMinutes(1);

    /// <summary>Runs <paramref name="fileName"/> to its end.</summary>
    /// <param name="fileName">Program, by path or found through PATH.</param>
    /// <param name="arguments">Passed one by one, unquoted.</param>
    /// <param name="standardInput">Text piped in as UTF-8; null closes standard input at once.</param>
    /// <param name="timeout">When reached, the process and its children are killed. Default: <see cref="DefaultTimeout"/>.</param>
    /// <param name="environment">Variables to set; a null value removes one.</param>
    /// <param name="workingDirectory">Default: the caller's own.</param>
    /// <exception cref="TimeoutException">The limit was reached; the message carries what was written until then.</exception>
    /// <exception cref="System.ComponentModel.Win32Exception">The program cannot be started.</exception>
    public static async Task<TestProcessResult> RunAsync(
        string fileName,
        IEnumerable<string> arguments,
        string? standardInput = null,
        TimeSpan? timeout = null,
        IReadOnlyDictionary<string, string?>? environment = null,
        string? workingDirectory = null)
    {
        var start = new ProcessStartInfo(fileName, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardInputEncoding = s_utf8,
            StandardOutputEncoding = s_utf8,
            StandardErrorEncoding = s_utf8,
            WorkingDirectory = workingDirectory ?? "",
        };
        foreach (var (name, value) in environment ?? new Dictionary<string, string?>())
            start.Environment[name] = value;

        using var process = new Process { StartInfo = start };
        var output = new StringBuilder();
        var error = new StringBuilder();
        process.Start();
        var reading = Task.WhenAll(CopyAsync(process.StandardOutput, output), CopyAsync(process.StandardError, error));
        var writing = FeedAsync(process.StandardInput, standardInput);

        var limit = timeout ?? DefaultTimeout;
        using var expired = new CancellationTokenSource(limit);
        try
        {
            await process.WaitForExitAsync(expired.Token);
            // A grandchild may hold the pipes open after its parent has gone; the limit covers it too.
            await Task.WhenAll(reading, writing).WaitAsync(expired.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            string written;
            lock (output)
                written = output.ToString();
            lock (error)
                written += "\n--- standard error ---\n" + error;
            throw new TimeoutException($"'{fileName} {string.Join(' ', start.ArgumentList)}' was killed after {limit}. It wrote:\n{written}");
        }
        return new TestProcessResult(process.ExitCode, output.ToString(), error.ToString());
    }

    private static async Task CopyAsync(StreamReader from, StringBuilder to)
    {
        var buffer = new char[4096];
        int read;
        while ((read = await from.ReadAsync(buffer)) > 0)
        {
            lock (to)
                to.Append(buffer, 0, read);
        }
    }

    private static async Task FeedAsync(StreamWriter to, string? text)
    {
        try
        {
            await using (to)
                await to.WriteAsync(text);
        }
        catch (IOException)
        {
            // A program that ends before it has read everything closes the pipe; its exit code tells the caller.
        }
    }
}
