using Spectre.Console;
using Spectre.Console.Rendering;
using T2.Training;

namespace T2.Cli;

/// <summary>Shows a run as it goes: a bar with the time left on a terminal, a line for each validation and now and then for a step elsewhere.</summary>
internal sealed class TrainingDisplay(Terminal terminal, FactorProgressDisplay factoring) : IProgress<TrainingProgress>, IDisposable
{
    private static readonly TimeSpan LineInterval = TimeSpan.FromSeconds(10);

    private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile TrainingProgress? _latest;
    private Task? _bar;
    private TimeSpan _lastLine = -LineInterval;

    /// <inheritdoc/>
    public void Report(TrainingProgress value)
    {
        // Two bars at a time do not go together; training begins when factoring is done.
        factoring.Dispose();
        _latest = value;
        if (terminal.IsLive && !terminal.IsQuiet)
            _bar ??= DrawAsync();
        else if (value.Phase == "validated" || (value.Phase == "stepped" && value.Elapsed - _lastLine >= LineInterval))
            WriteLine(value);
    }

    public void Dispose()
    {
        _done.TrySetResult();
        _bar?.GetAwaiter().GetResult();
        if (_bar is not null && _latest is { } last)
            terminal.Note(Describe(last));
    }

    /// <summary>Where a run stands, in a line.</summary>
    internal static string Describe(TrainingProgress progress)
    {
        var parts = new List<string> { Units.Invariant($"step {progress.Step}/{progress.Steps}") };
        if (progress.Last is { } last)
        {
            if (last.Reward is { } reward)
                parts.Add(Units.Invariant($"reward {reward:+0.000;-0.000;0.000}"));
            else if (last.Loss is { } loss)
                parts.Add(Units.Invariant($"loss {loss:0.0000}"));
            if (last.Kl is { } kl)
                parts.Add(Units.Invariant($"KL {kl:0.0000}"));
            if (last.AnchorKl is { } held)
                parts.Add(Units.Invariant($"anchor's KL {held:0.0000}"));
            if (last is { Tokens: { } tokens, SamplingSeconds: > 0 and var seconds })
                parts.Add(Units.Invariant($"{tokens / seconds:0} tok/s"));
        }
        if (progress.Validation is { } validation)
            parts.Add($"validation {Units.Percent(validation)} (best {Units.Percent(progress.BestValidation ?? 0)}, base {Units.Percent(progress.ValidationBefore ?? 0)})");
        else if (progress.ValidationBefore is { } before)
            parts.Add($"validation of the base {Units.Percent(before)}");
        if (progress.Remaining is { } left && progress.Step < progress.Steps)
            parts.Add($"{Units.Seconds(left)} left");
        return string.Join(", ", parts);
    }

    private void WriteLine(TrainingProgress progress)
    {
        _lastLine = progress.Elapsed;
        terminal.Note(Describe(progress));
    }

    private async Task DrawAsync()
    {
        await terminal.Notes.Progress().AutoClear(true).Columns(new ProgressBarColumn(), new StateColumn(() => _latest)).StartAsync(async context =>
        {
            var bar = context.AddTask("training");
            while (!_done.Task.IsCompleted)
            {
                if (_latest is { } progress)
                    bar.Value = bar.MaxValue * progress.Step / progress.Steps;
                await Task.WhenAny(_done.Task, Task.Delay(100)).ConfigureAwait(false);
            }
        }).ConfigureAwait(false);
    }

    private sealed class StateColumn(Func<TrainingProgress?> latest) : ProgressColumn
    {
        /// <inheritdoc/>
        protected override bool NoWrap => true;

        /// <inheritdoc/>
        public override IRenderable Render(RenderOptions options, ProgressTask task, TimeSpan deltaTime) => new Text(latest() is { } progress ? Describe(progress) : "");
    }
}
