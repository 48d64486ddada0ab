using T2.Runtime;
using T2.Tasks;

namespace T2.Evaluation;

/// <summary>Has answers verified, some at a time, and logs the verdicts.</summary>
internal sealed class Judge(TaskSet task, IVerifier verifier, EvaluationStrategy strategy, EvaluationLog log, ProgressCounter counter, int atATime) : IAsyncDisposable
{
    private readonly SemaphoreSlim _free = new(atATime);
    private readonly List<Task> _running = [];
    private int _judged;

    /// <summary>Answers judged so far.</summary>
    internal int Judged => _judged;

    internal async Task AddAsync(Asked asked, BatchAnswer answer, CancellationToken cancellation)
    {
        await _free.WaitAsync(cancellation).ConfigureAwait(false);
        var work = VerifyAsync(asked, answer, cancellation);
        if (work.IsCompletedSuccessfully)
            return;
        _running.RemoveAll(static earlier => earlier.IsCompletedSuccessfully);
        _running.Add(work);
    }

    /// <summary>Waits for the verdicts under way. What was cancelled is left for the next run.</summary>
    public async ValueTask DisposeAsync()
    {
        await Task.WhenAll(_running).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _free.Dispose();
    }

    private async Task VerifyAsync(Asked asked, BatchAnswer answer, CancellationToken cancellation)
    {
        try
        {
            var (verdict, failed) = await VerdictAsync(asked.Item, answer, cancellation).ConfigureAwait(false);
            log.Write(new LogLine(new ItemRecord(
                task.Name, strategy.Name, asked.Item.Id, verdict.Correct, answer.Text, verdict.Extracted, verdict.Problem, failed,
                asked.Decision is { } decision ? decision.Expert ?? ExpertLibrary.Other : null, asked.Decision?.Confidence,
                answer.PromptTokens.Count, answer.Tokens.Count, answer.Error is null ? answer.FinishReason : "error")));
            counter.Count(verdict.Correct);
            Interlocked.Increment(ref _judged);
        }
        finally
        {
            _free.Release();
        }
    }

    private async ValueTask<(Verdict Verdict, bool Failed)> VerdictAsync(TaskItem item, BatchAnswer answer, CancellationToken cancellation)
    {
        if (answer.Error is { } error)
            return (new Verdict(false, null, error), true);
        try
        {
            return (await verifier.VerifyAsync(item, answer.Text, cancellation).ConfigureAwait(false), false);
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            return (new Verdict(false, null, $"{exception.GetType().Name} in verifier '{verifier.Name}': {exception.Message}"), true);
        }
    }
}
