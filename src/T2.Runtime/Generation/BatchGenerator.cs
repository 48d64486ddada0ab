using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using T2.Gguf.Experts;
using T2.Llama;

namespace T2.Runtime;

/// <summary>
/// Answers many prompts under one set of weights, many at a time: every decode computes a token of each answer under way, an answer that ends makes room for the
/// next prompt, and what prompts have in common at their beginning is computed once. An answer's tokens depend on its own request and seed; on its neighbours only
/// as far as llama.cpp's floating-point sums depend on the size of a batch. One call at a time; other users of the model wait for their turn.
/// </summary>
public sealed class BatchGenerator : IAsyncDisposable
{
    private const int DefaultBatchSize = 512;

    private readonly AdaptiveModel _model;
    private readonly BatchOptions _options;
    private readonly AdaptedContext _context;
    private readonly BatchSlot[] _slots;
    private readonly bool[] _ends;
    private int _busy;
    private bool _disposed;

    /// <summary>Makes a generator with a context of its own.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of range.</exception>
    /// <exception cref="LlamaException">llama.cpp cannot make a context of that size.</exception>
    public BatchGenerator(AdaptiveModel model, BatchOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        model.ThrowIfDisposed();
        _model = model;
        _options = options ?? new BatchOptions();
        ArgumentOutOfRangeException.ThrowIfLessThan(_options.Sequences, 1, nameof(options));
        ArgumentOutOfRangeException.ThrowIfLessThan(_options.ContextLength, 2, nameof(options));
        int batch = _options.BatchSize > 0 ? _options.BatchSize : Math.Max(DefaultBatchSize, _options.Sequences);
        if (batch < _options.Sequences)
            throw new ArgumentOutOfRangeException(nameof(options), batch, $"The batch must have room for a token of each of the {_options.Sequences} sequences.");
        int threads = _options.ThreadsFor(model.Native.SizeInBytes);
        _context = new AdaptedContext(model.Native, model.Adapter, new LlamaContextOptions
        {
            ContextLength = checked((uint)_options.Sequences * (uint)_options.ContextLength),
            BatchSize = batch,
            MicroBatchSize = batch,
            MaxSequences = _options.Sequences,
            // A cache of its own for each sequence: in one for all, every token would look through every other sequence's, a third of the speed at 64 sequences
            // of a small model and half of it at 128.
            UnifiedKv = false,
            Threads = threads,
            BatchThreads = threads,
        });
        _slots = [.. Enumerable.Range(0, _options.Sequences).Select(static sequence => new BatchSlot(sequence))];
        var vocabulary = model.Native.Vocabulary;
        _ends = [.. Enumerable.Range(0, vocabulary.Count).Select(vocabulary.IsEndOfGeneration)];
        // A sliding window has forgotten the beginning of a long prompt by the time another wants to share it.
        string? architecture = model.Native.MetadataValue("general.architecture");
        SharesPrefixes = model.Native.MetadataValue($"{architecture}.attention.sliding_window") is null;
    }

    /// <summary>What the last finished call took; null before the first.</summary>
    public BatchReport? LastReport { get; private set; }

    /// <summary>Context length of one answer in tokens.</summary>
    public int ContextLength => _options.ContextLength;

    internal bool SharesPrefixes { get; init; }

    /// <summary>The text a request prompts the model with.</summary>
    /// <exception cref="NotSupportedException">The model's own template is none that llama.cpp recognises.</exception>
    public string Render(BatchRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        return Render(_model, _options.Format, request);
    }

    /// <summary>The tokens a request prompts the model with.</summary>
    /// <exception cref="LlamaException">The model has no tokenizer, or none of its tokens can spell a byte of the text.</exception>
    /// <exception cref="NotSupportedException">The model's own template is none that llama.cpp recognises.</exception>
    public int[] Tokenize(BatchRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        return Tokenize(_model, _options.Format, request);
    }

    /// <summary>The tokens a request prompts a model with, without making a generator.</summary>
    /// <exception cref="LlamaException">The model has no tokenizer, or none of its tokens can spell a byte of the text.</exception>
    /// <exception cref="NotSupportedException">The model's own template is none that llama.cpp recognises.</exception>
    public static int[] Tokenize(AdaptiveModel model, ChatFormat format, BatchRequest request)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(format);
        ArgumentNullException.ThrowIfNull(request);
        return request.PromptTokens is { } tokens ? [.. tokens] : PromptTokens.Of(model.Native, Render(model, format, request));
    }

    /// <summary>Uses LoRA adapters from the next call on, in place of those before; none removes all.</summary>
    /// <exception cref="LlamaException">An adapter belongs to another model, or llama.cpp refuses.</exception>
    /// <exception cref="InvalidOperationException">The generator is answering.</exception>
    public void SetLoraAdapters(params IReadOnlyList<LlamaLoraUse> adapters)
    {
        using var turn = TakeTurn();
        _context.Native.SetLoraAdapters(adapters);
    }

    /// <summary>
    /// Answers requests under an expert, on a worker thread, and gives the answers as they are finished, in any order. A request that cannot run is answered with
    /// an error and stops no other. Leaving the enumeration early stops the work.
    /// </summary>
    /// <param name="requests">Enumerated on the worker thread, a little ahead of what is being answered.</param>
    /// <param name="expert">The weights are put on it first; null = the base.</param>
    /// <param name="cancellation">Stops between graph nodes of a decode.</param>
    /// <exception cref="InvalidOperationException">The generator is answering another call.</exception>
    /// <exception cref="ExpertMismatchException">The expert does not fit the model; nothing was changed.</exception>
    public async IAsyncEnumerable<BatchAnswer> GenerateAsync(
        IEnumerable<BatchRequest> requests, Expert? expert, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(requests);
        using var turn = TakeTurn();
        _model.ThrowIfDisposed();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var answers = Channel.CreateUnbounded<BatchAnswer>(new UnboundedChannelOptions { SingleReader = true, SingleWriter = true });
        var work = Task.Run(() => WorkAsync(requests, expert, answers.Writer, stop.Token), CancellationToken.None);
        try
        {
            await foreach (var answer in answers.Reader.ReadAllAsync(CancellationToken.None).ConfigureAwait(false))
                yield return answer;
            await work.ConfigureAwait(false);
        }
        finally
        {
            if (!work.IsCompleted)
                await stop.CancelAsync().ConfigureAwait(false);
            await work.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Frees the context. The model stays loaded.</summary>
    /// <exception cref="InvalidOperationException">The generator is answering.</exception>
    public ValueTask DisposeAsync()
    {
        if (_disposed)
            return ValueTask.CompletedTask;
        using var turn = TakeTurn();
        _disposed = true;
        _context.Dispose();
        return ValueTask.CompletedTask;
    }

    internal bool EndsGeneration(int token) => _ends[token];

    private static string Render(AdaptiveModel model, ChatFormat format, BatchRequest request)
    {
        if (request.Raw)
            return request.Prompt;
        var user = new LlamaChatMessage("user", request.Prompt);
        return format.Render(model.Native, string.IsNullOrEmpty(request.System) ? [user] : [new("system", request.System), user]);
    }

    private async Task WorkAsync(IEnumerable<BatchRequest> requests, Expert? expert, ChannelWriter<BatchAnswer> answers, CancellationToken cancellation)
    {
        try
        {
            await _model.Gate.WaitAsync(cancellation).ConfigureAwait(false);
            try
            {
                var rebuild = expert is null ? _model.Adapter.Reset() : _model.Adapter.Apply(expert, _model.FactorsFor(expert, null, cancellation), cancellation);
                long started = Stopwatch.GetTimestamp();
                using var source = requests.GetEnumerator();
                var run = new BatchRun(this, _context, _slots, source, answer => answers.TryWrite(answer));
                run.Run(cancellation);
                LastReport = new BatchReport(
                    rebuild, run.Answers, run.PromptTokens, run.SharedTokens, run.GeneratedTokens, run.Decodes, run.Decoding, Stopwatch.GetElapsedTime(started));
            }
            finally
            {
                _model.Gate.Release();
            }
        }
        finally
        {
            // The enumeration ends either way; a failure reaches the caller through the awaited task.
            answers.Complete();
        }
    }

    private Turn TakeTurn()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (Interlocked.Exchange(ref _busy, 1) != 0)
            throw new InvalidOperationException("The generator is answering another call.");
        return new Turn(this);
    }

    /// <summary>The time of a call, in which no other may begin.</summary>
    private sealed class Turn(BatchGenerator generator) : IDisposable
    {
        public void Dispose() => Volatile.Write(ref generator._busy, 0);
    }
}
