using Spectre.Console;
using Spectre.Console.Rendering;
using T2.Kernels;
using T2.Runtime;

namespace T2.Cli;

/// <summary>
/// Shows factorisation as it goes: a bar with the time left on a terminal, a line now and then elsewhere. Appears with the first report, and makes place again
/// for the answer when the stage ends or the display is disposed.
/// </summary>
internal sealed class FactorProgressDisplay(Terminal terminal) : IProgress<FactorProgress>, IProgress<StageReport>, IDisposable
{
    private static readonly TimeSpan LineInterval = TimeSpan.FromSeconds(2);

    private readonly Lock _lock = new();
    private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile FactorProgress? _latest;
    private Task? _bar;
    private TimeSpan _lastLine = TimeSpan.MinValue;
    private bool _stopped;

    /// <summary>A cancellation with what was reached, if it came while factors were computed; null otherwise.</summary>
    internal StoppedException? Explain(OperationCanceledException cancelled) => _latest is { } reached && reached.Completed < reached.Total
        ? new($"cancelled; {reached.Completed} of {reached.Total} weights are factored and kept, run it again to go on", cancelled)
        : null;

    /// <inheritdoc/>
    public void Report(FactorProgress value)
    {
        lock (_lock)
        {
            if (_stopped)
                return;
            if (value.Note is { } note)
            {
                terminal.Note($"t2: {note}");
                return;
            }
            // Nothing left to compute is no progress to show.
            if (_latest is null && value.Completed == value.Total)
                return;
            _latest = value;
            if (terminal.IsLive && !terminal.IsQuiet)
                _bar ??= DrawAsync();
            else
                WriteLine(value);
        }
    }

    /// <inheritdoc/>
    public void Report(StageReport value)
    {
        ArgumentNullException.ThrowIfNull(value);
        if (value.Stage == Stage.Factor)
            Stop();
    }

    public void Dispose() => Stop();

    private void Stop()
    {
        lock (_lock)
        {
            if (_stopped)
                return;
            _stopped = true;
        }
        _done.TrySetResult();
        _bar?.GetAwaiter().GetResult();
    }

    private void WriteLine(FactorProgress progress)
    {
        if (_lastLine != TimeSpan.MinValue && progress.Completed < progress.Total && progress.Elapsed - _lastLine < LineInterval)
            return;
        _lastLine = progress.Elapsed;
        terminal.Note($"factoring {progress.Completed}/{progress.Total} ({Units.Percent(progress.Fraction)}){Left(progress)}");
    }

    private async Task DrawAsync()
    {
        await terminal.Notes.Progress().AutoClear(true).Columns(
            new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new RemainingColumn(() => _latest)).StartAsync(async context =>
            {
                var bar = context.AddTask("factoring");
                while (!_done.Task.IsCompleted)
                {
                    if (_latest is { } progress)
                    {
                        bar.Description = Markup.Escape($"factoring {progress.Completed}/{progress.Total} {progress.WeightName}");
                        bar.Value = progress.Fraction * bar.MaxValue;
                    }
                    await Task.WhenAny(_done.Task, Task.Delay(100)).ConfigureAwait(false);
                }
            }).ConfigureAwait(false);
    }

    private static string Left(FactorProgress progress) => progress.Completed < progress.Total && progress.Remaining is { } left ? $", {Units.Seconds(left)} left" : "";

    /// <summary>The time left as the factorisation itself estimates it, by floating-point operations instead of by matrices.</summary>
    private sealed class RemainingColumn(Func<FactorProgress?> latest) : ProgressColumn
    {
        /// <inheritdoc/>
        public override IRenderable Render(RenderOptions options, ProgressTask task, TimeSpan deltaTime) =>
            new Text(latest() is { Remaining: { } left } ? $"{Units.Seconds(left)} left" : "");
    }
}
