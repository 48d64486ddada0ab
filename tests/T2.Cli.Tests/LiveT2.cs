using System.Diagnostics;
using System.Threading.Channels;
using T2.TestKit;

namespace T2.Cli.Tests;

/// <summary>A running <c>t2</c> that a test talks to and sends signals to.</summary>
internal sealed class LiveT2 : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    private readonly Process _process;
    private readonly Channel<string> _errorLines = Channel.CreateUnbounded<string>();
    private readonly Task<string> _output;
    private readonly TaskCompletionSource _firstOutput = new();

    internal LiveT2(params string[] arguments)
    {
        _process = Process.Start(new ProcessStartInfo(T2Process.Host, [T2Process.Assembly, .. arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        _output = ReadOutputAsync();
        _ = ReadErrorAsync();
    }

    internal StreamWriter Input => _process.StandardInput;

    /// <summary>Waits for the first character on stdout.</summary>
    internal Task FirstOutputAsync() => _firstOutput.Task.WaitAsync(Patience);

    /// <summary>Waits for the next line on stderr.</summary>
    internal async Task<string> ErrorLineAsync()
    {
        using var limit = new CancellationTokenSource(Patience);
        return await _errorLines.Reader.ReadAsync(limit.Token);
    }

    /// <summary>Sends a signal by name: INT is Ctrl-C.</summary>
    internal async Task SignalAsync(string name) =>
        Assert.Equal(0, (await TestProcess.RunAsync("kill", [$"-{name}", $"{_process.Id}"])).ExitCode);

    /// <summary>Waits for the end: exit code, all of stdout, and the lines on stderr that nobody has read yet.</summary>
    internal async Task<(int ExitCode, string Output, string[] ErrorLines)> EndAsync()
    {
        await _process.WaitForExitAsync().WaitAsync(Patience);
        var lines = new List<string>();
        await foreach (string line in _errorLines.Reader.ReadAllAsync())
            lines.Add(line);
        return (_process.ExitCode, await _output.WaitAsync(Patience), [.. lines]);
    }

    public void Dispose()
    {
        if (!_process.HasExited)
            _process.Kill();
        _process.Dispose();
    }

    private async Task<string> ReadOutputAsync()
    {
        var text = new System.Text.StringBuilder();
        var buffer = new char[256];
        int read;
        while ((read = await _process.StandardOutput.ReadAsync(buffer)) > 0)
        {
            text.Append(buffer, 0, read);
            _firstOutput.TrySetResult();
        }
        return text.ToString();
    }

    private async Task ReadErrorAsync()
    {
        while (await _process.StandardError.ReadLineAsync() is { } line)
            _errorLines.Writer.TryWrite(line);
        _errorLines.Writer.Complete();
    }
}
