using System.Diagnostics;
using Spectre.Console;
using Spectre.Console.Rendering;
using T2.Evaluation;

namespace T2.Cli;

/// <summary>Shows an evaluation as it goes: a bar with the time left on a terminal, a line per task and strategy elsewhere.</summary>
internal sealed class EvaluationDisplay(Terminal terminal) : IProgress<EvaluationProgress>, IDisposable
{
    private readonly Lock _lock = new();
    private readonly long _started = Stopwatch.GetTimestamp();
    private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private EvaluationProgress? _latest;
    private int _before;
    private Task? _bar;

    /// <inheritdoc/>
    public void Report(EvaluationProgress value)
    {
        lock (_lock)
        {
            if (_latest is null)
                _before = value.AllDone;
            _latest = value;
            if (terminal.IsLive && !terminal.IsQuiet)
                _bar ??= DrawAsync();
            else if (value.Done == value.Items)
                terminal.Note(Describe(value));
        }
    }

    public void Dispose()
    {
        _done.TrySetResult();
        _bar?.GetAwaiter().GetResult();
    }

    private string Describe(EvaluationProgress now)
    {
        double seconds = Stopwatch.GetElapsedTime(_started).TotalSeconds;
        double speed = (now.AllDone - _before) / Math.Max(seconds, 0.001);
        string left = speed > 0 && now.AllDone < now.AllItems ? $", {Units.Seconds(TimeSpan.FromSeconds((now.AllItems - now.AllDone) / speed))} left" : "";
        string right = now.Done > 0 ? $", {Units.Percent((double)now.Correct / now.Done)} right" : "";
        return Units.Invariant($"{now.Task} / {now.Strategy}: {now.Done}/{now.Items}{right}; {now.AllDone}/{now.AllItems} in all, {speed:0}/s{left}");
    }

    private async Task DrawAsync()
    {
        await terminal.Notes.Progress().AutoClear(true).Columns(new ProgressBarColumn(), new StateColumn(this)).StartAsync(async context =>
        {
            var bar = context.AddTask("evaluating");
            while (!_done.Task.IsCompleted)
            {
                if (_latest is { AllItems: > 0 } now)
                    bar.Value = 100.0 * now.AllDone / now.AllItems;
                await Task.WhenAny(_done.Task, Task.Delay(100)).ConfigureAwait(false);
            }
        }).ConfigureAwait(false);
    }

    private sealed class StateColumn(EvaluationDisplay display) : ProgressColumn
    {
        public override IRenderable Render(RenderOptions options, ProgressTask task, TimeSpan deltaTime) =>
            new Text(display._latest is { } now ? display.Describe(now) : "");
    }
}
