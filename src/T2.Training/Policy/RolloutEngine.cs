using T2.Gguf.Experts;
using T2.Llama;
using T2.Runtime;
using T2.Tasks;

namespace T2.Training;

/// <summary>Asks questions of the runtime and has the answers judged. One generator serves a whole run.</summary>
internal sealed class RolloutEngine(BatchGenerator generator, TaskSet task, IVerifier verifier, int judges) : IDisposable
{
    private readonly SemaphoreSlim _judges = new(judges, judges);

    /// <summary>The runtime's generator.</summary>
    internal BatchGenerator Generator { get; } = generator;

    /// <summary>Answers by the likeliest tokens, one a question.</summary>
    internal Task<Episode[]> AnswerAsync(IReadOnlyList<TaskItem> items, Expert? expert, CancellationToken cancellation) =>
        RunAsync(items, 1, LlamaSamplingOptions.Greedy, static _ => 0, expert, cancellation);

    /// <summary>Samples answers from the model's whole distribution: those of question q are at q·samples to (q+1)·samples − 1.</summary>
    internal Task<Episode[]> SampleAsync(
        IReadOnlyList<TaskItem> items, int samples, float temperature, Func<int, ulong> seedOf, Expert? expert, CancellationToken cancellation) =>
        RunAsync(items, samples, new LlamaSamplingOptions { Temperature = temperature, TopK = 0, TopP = 1, MinP = 0 }, seedOf, expert, cancellation);

    public void Dispose() => _judges.Dispose();

    private async Task<Episode[]> RunAsync(
        IReadOnlyList<TaskItem> items, int samples, LlamaSamplingOptions sampling, Func<int, ulong> seedOf, Expert? expert, CancellationToken cancellation)
    {
        var requests = new BatchRequest[items.Count * samples];
        for (int index = 0; index < requests.Length; index++)
            requests[index] = Request(items[index / samples]) with { Sampling = sampling, Seed = seedOf(index) };
        var judged = new Task<Episode>[requests.Length];
        await foreach (var answer in Generator.GenerateAsync(requests, expert, cancellation).ConfigureAwait(false))
        {
            var item = items[answer.Index / samples];
            if (answer.Error is { } error)
                throw new TrainingException($"Question '{item.Id}' of task '{task.Name}' cannot be answered: {error}");
            // A verifier may be a program of the user's; the model goes on while it runs.
            judged[answer.Index] = JudgeAsync(item, answer, cancellation);
        }
        var episodes = await Task.WhenAll(judged).ConfigureAwait(false);
        // A model may well say nothing that can be judged; a program that judges nothing at all is broken.
        if (verifier is CommandVerifier && Array.TrueForAll(episodes, static episode => episode.Verdict.Problem is not null))
            throw new TrainingException($"The verifier of task '{task.Name}' judged none of {episodes.Length} answers: {episodes[0].Verdict.Problem}.");
        return episodes;
    }

    /// <summary>A question as the generator takes it.</summary>
    internal BatchRequest Request(TaskItem item) => Request(item, task.MaxTokens);

    /// <inheritdoc cref="Request(TaskItem)"/>
    internal static BatchRequest Request(TaskItem item, int maxTokens) => new(item.Prompt) { System = item.System, MaxTokens = maxTokens };

    private async Task<Episode> JudgeAsync(TaskItem item, BatchAnswer answer, CancellationToken cancellation)
    {
        await _judges.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            var verdict = await verifier.VerifyAsync(item, answer.Text, cancellation).ConfigureAwait(false);
            return new Episode(item, answer.PromptTokens, answer.Tokens, answer.Text, verdict);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            throw new TrainingException($"Verifier '{verifier.Name}' failed on question '{item.Id}': {e.Message}", e);
        }
        finally
        {
            _judges.Release();
        }
    }
}
