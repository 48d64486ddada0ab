using System.Runtime.CompilerServices;
using T2.Gguf.Experts;

namespace T2.Runtime;

/// <summary>
/// Answers many prompts, each independently of the others: a window of them is dispatched together, those that need the same expert are answered together under one
/// change of the weights, and answers stream as they come. Fair: groups are answered in the order of their oldest requests, and a window is finished before the next
/// is read, so that no run of requests for one expert keeps a request for another waiting beyond its window. A request that fails is answered with its error and
/// stops no other. One call at a time.
/// </summary>
public sealed class AdaptiveBatch : IAsyncDisposable
{
    private readonly AdaptiveModel _model;
    private readonly AdaptiveBatchOptions _options;
    private readonly BatchDispatcher _dispatcher;
    private readonly BatchGenerator _generator;

    /// <summary>Makes a batch with contexts of its own.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of range.</exception>
    /// <exception cref="T2.Llama.LlamaException">llama.cpp cannot make the contexts.</exception>
    public AdaptiveBatch(AdaptiveModel model, AdaptiveBatchOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        _model = model;
        _options = options ?? new AdaptiveBatchOptions();
        ArgumentOutOfRangeException.ThrowIfLessThan(_options.Window, 1, nameof(options));
        _generator = new BatchGenerator(model, _options.Batch);
        _dispatcher = new BatchDispatcher(model, new SessionOptions
        {
            ContextLength = _options.DispatchContextLength,
            Threads = _options.Batch.Threads,
            Format = _options.Batch.Format,
        });
    }

    /// <summary>Answers requests. Leaving the enumeration early stops the work.</summary>
    /// <param name="requests">Read a window at a time; may be endless.</param>
    /// <param name="cancellation">Stops between graph nodes of a decode.</param>
    public async IAsyncEnumerable<AdaptiveAnswer> AnswerAsync(IEnumerable<AdaptiveRequest> requests, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(requests);
        int first = 0;
        foreach (var window in requests.Chunk(_options.Window))
        {
            var items = await DispatchAsync(window, first, cancellation).ConfigureAwait(false);
            var finished = new SortedDictionary<int, AdaptiveAnswer>();
            int next = first;
            await foreach (var answer in AnswerWindowAsync(items, cancellation).ConfigureAwait(false))
            {
                if (!_options.KeepOrder)
                {
                    yield return answer;
                    continue;
                }
                finished.Add(answer.Index, answer);
                while (finished.Remove(next, out var inOrder))
                {
                    next++;
                    yield return inOrder;
                }
            }
            first += window.Length;
        }
    }

    /// <summary>Frees the contexts. The model stays loaded.</summary>
    public async ValueTask DisposeAsync()
    {
        await _dispatcher.DisposeAsync().ConfigureAwait(false);
        await _generator.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>Finds out which weights each request of a window needs.</summary>
    private async Task<List<Item>> DispatchAsync(AdaptiveRequest[] window, int first, CancellationToken cancellation)
    {
        var items = window.Select((request, index) => new Item(first + index, request)).ToList();
        foreach (var group in items.Where(static item => item.Request.Adaptation is Adaptation.DispatchChoice).GroupBy(item => item.Request.Dispatch ?? _options.Dispatch))
            await DecideAsync(group.Key, [.. group], cancellation).ConfigureAwait(false);
        foreach (var item in items)
            item.Choose(_model.Experts);
        return items;
    }

    private async Task DecideAsync(IDispatchStrategy strategy, Item[] items, CancellationToken cancellation)
    {
        try
        {
            var decisions = await _dispatcher.DecideAsync(strategy, [.. items.Select(static item => item.Request.Request.Prompt)], cancellation).ConfigureAwait(false);
            foreach (var (item, decision) in items.Zip(decisions))
                item.Decision = decision;
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            // One of several may be to blame: each is tried alone, so that it stops none of the others.
            if (items.Length == 1)
                items[0].Problem = exception.Message;
            else
            {
                foreach (var item in items)
                    await DecideAsync(strategy, [item], cancellation).ConfigureAwait(false);
            }
        }
    }

    private async IAsyncEnumerable<AdaptiveAnswer> AnswerWindowAsync(List<Item> items, [EnumeratorCancellation] CancellationToken cancellation)
    {
        foreach (var failed in items.Where(static item => item.Problem is not null))
            yield return Failed(failed, failed.Problem!);
        // Grouping keeps the order of first appearance, which is that of the oldest requests.
        foreach (var group in items.Where(static item => item.Problem is null).GroupBy(static item => item.Weights))
        {
            await foreach (var answer in AnswerGroupAsync([.. group], group.Key, cancellation).ConfigureAwait(false))
                yield return answer;
        }
    }

    private async IAsyncEnumerable<AdaptiveAnswer> AnswerGroupAsync(Item[] items, Expert? expert, [EnumeratorCancellation] CancellationToken cancellation)
    {
        bool[] answered = new bool[items.Length];
        string? problem = null;
        await using var answers = _generator.GenerateAsync(items.Select(static item => item.Request.Request), expert, cancellation).GetAsyncEnumerator(cancellation);
        while (true)
        {
            try
            {
                if (!await answers.MoveNextAsync().ConfigureAwait(false))
                    break;
            }
            catch (Exception exception) when (exception is not OperationCanceledException)
            {
                problem = exception.Message;
                break;
            }
            var answer = answers.Current;
            var item = items[answer.Index];
            answered[answer.Index] = true;
            yield return new AdaptiveAnswer(item.Index, item.Request, answer with { Index = item.Index }, expert, item.Decision);
        }
        for (int index = 0; index < items.Length; index++)
        {
            if (!answered[index])
                yield return Failed(items[index], problem ?? "the generator gave no answer");
        }
    }

    private static AdaptiveAnswer Failed(Item item, string problem) =>
        new(item.Index, item.Request, new BatchAnswer(item.Index, item.Request.Request, [], [], "", BatchAnswer.ErrorPrefix + problem), null, item.Decision);

    /// <summary>A request on its way.</summary>
    private sealed class Item(int index, AdaptiveRequest request)
    {
        internal int Index { get; } = index;

        internal AdaptiveRequest Request { get; } = request;

        internal DispatchDecision? Decision { get; set; }

        /// <summary>The weights it needs; null = the base.</summary>
        internal Expert? Weights { get; private set; }

        internal string? Problem { get; set; }

        internal void Choose(ExpertLibrary experts)
        {
            if (Request.Adaptation is Adaptation.FixedChoice choice)
                Weights = choice.Expert;
            else if (Decision?.Found is { } found)
                Weights = found;
            else if (Decision?.Expert is { } name)
            {
                if (experts.TryGet(name, out var expert))
                    Weights = expert;
                else
                    Problem = $"Dispatch chose '{name}', which is no expert of the library.";
            }
        }
    }
}
