using Spectre.Console;
using T2.Training;

namespace T2.Cli;

/// <summary>Shows pre-training as it goes: a line that is drawn over on a terminal, a line now and then elsewhere.</summary>
internal sealed class BaseDisplay(Terminal terminal) : IProgress<BaseProgress>, IDisposable
{
    private static readonly TimeSpan LineInterval = TimeSpan.FromSeconds(10);

    private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile BaseProgress? _latest;
    private Task? _status;
    private TimeSpan _lastLine = -LineInterval;

    /// <inheritdoc/>
    public void Report(BaseProgress value)
    {
        _latest = value;
        if (terminal.IsLive && !terminal.IsQuiet)
        {
            _status ??= DrawAsync();
        }
        else if (value.Elapsed - _lastLine >= LineInterval || value.Step == value.Steps)
        {
            _lastLine = value.Elapsed;
            terminal.Note(Describe(value));
        }
    }

    public void Dispose()
    {
        _done.TrySetResult();
        _status?.GetAwaiter().GetResult();
    }

    private async Task DrawAsync() => await terminal.Notes.Status().StartAsync("training", async context =>
    {
        while (!_done.Task.IsCompleted)
        {
            if (_latest is { } progress)
                context.Status(Markup.Escape(Describe(progress)));
            await Task.WhenAny(_done.Task, Task.Delay(100)).ConfigureAwait(false);
        }
    }).ConfigureAwait(false);

    private static string Describe(BaseProgress progress)
    {
        string validation = progress.ValidationLoss is { } loss ? Units.Invariant($", held out {loss:0.0000}") : "";
        string left = progress.Step < progress.Steps ? $", {Units.Seconds(progress.Remaining)} left" : "";
        return Units.Invariant($"step {progress.Step}/{progress.Steps}, loss {progress.Loss:0.0000}{validation}, {progress.TokensPerSecond:0} tok/s{left}");
    }
}
