using T2.Kernels.Gpu;
using T2.Llama;

namespace T2.Runtime;

/// <summary>
/// A llama.cpp context that knows under which weights its KV cache was made. Every decode goes through here, and none happens while the cache and the
/// weights are of different epochs: a stale cache cannot be used, only cleared.
/// </summary>
internal sealed class AdaptedContext : IDisposable
{
    private readonly LlamaContext _context;
    private readonly WeightAdapter _adapter;
    private readonly LlamaBatch _batch;
    private long _epoch = -1;
    private bool _sound = true;

    internal AdaptedContext(LlamaModel model, WeightAdapter adapter, SessionOptions options, int sequences)
        : this(model, adapter, new LlamaContextOptions
        {
            ContextLength = checked((uint)options.ContextLength),
            BatchSize = options.BatchSize,
            MicroBatchSize = options.BatchSize,
            MaxSequences = sequences,
            UnifiedKv = true,
            Threads = options.ThreadsFor(model.SizeInBytes),
            BatchThreads = options.ThreadsFor(model.SizeInBytes),
        })
    {
    }

    internal AdaptedContext(LlamaModel model, WeightAdapter adapter, LlamaContextOptions options)
    {
        if (adapter.HasLostDevice)
            throw new GpuException("A GPU that holds weights of the model has failed and answers nothing any more; only a new process can use it.");
        Model = model;
        _adapter = adapter;
        _context = LlamaContext.Create(model, options);
        _batch = new LlamaBatch(_context.BatchSize, _context.MaxSequences);
    }

    internal LlamaModel Model { get; }

    internal int Capacity => _context.ContextLength;

    internal int BatchSize => _batch.Capacity;

    internal int MaxSequences => _context.MaxSequences;

    internal LlamaContext Native => _context;

    /// <summary>Empties the KV cache; what follows is decoded under the weights as they are now.</summary>
    internal void Begin()
    {
        // Zeros over the whole cache cost more than a short question; they are only needed where broken weights left NaN behind, which 0 times it still is.
        _context.ClearMemory(data: !_sound);
        _sound = true;
        _epoch = _adapter.Epoch;
    }

    /// <summary>Empties the KV cache and puts <paramref name="prefix"/> on sequence 0: a copy made under the weights as they are, or else decoded and copied.</summary>
    /// <returns>Tokens decoded for it.</returns>
    internal int Begin(int[] prefix, KeptPrefixes kept, CancellationToken cancellation)
    {
        Begin();
        if (prefix.Length == 0)
            return 0;
        if (kept.Find(_adapter.Current, prefix) is { } state)
        {
            _context.RestoreSequence(0, state);
            return 0;
        }
        Prefill(prefix, 0, cancellation);
        kept.Add(_adapter.Current, prefix, _context.SaveSequence(0));
        return prefix.Length;
    }

    /// <summary>Decodes <paramref name="tokens"/> on sequence 0 from <paramref name="position"/>, batch by batch; the last token asks for logits.</summary>
    /// <returns>The index in the last batch that holds the last token's logits.</returns>
    internal int Prefill(ReadOnlySpan<int> tokens, int position, CancellationToken cancellation)
    {
        int last = 0;
        while (!tokens.IsEmpty)
        {
            cancellation.ThrowIfCancellationRequested();
            var part = tokens[..Math.Min(tokens.Length, _batch.Capacity)];
            bool isLast = part.Length == tokens.Length;
            _batch.Clear();
            for (int index = 0; index < part.Length; index++)
                _batch.Add(part[index], position + index, 0, isLast && index == part.Length - 1);
            last = part.Length - 1;
            Decode(cancellation);
            position += part.Length;
            tokens = tokens[part.Length..];
        }
        return last;
    }

    /// <summary>Decodes one token on sequence 0; its logits are at index 0.</summary>
    internal void Step(int token, int position, CancellationToken cancellation = default)
    {
        _batch.Clear();
        _batch.Add(token, position, 0, true);
        Decode(cancellation);
    }

    /// <summary>Logits of a batch index that asked for them, valid until the next decode.</summary>
    internal ReadOnlySpan<float> Logits(int index) => _context.Logits(index);

    /// <summary>An empty batch to fill; decode it with <see cref="Decode"/>.</summary>
    internal LlamaBatch EmptyBatch()
    {
        _batch.Clear();
        return _batch;
    }

    /// <summary>Tokens in the batch to come.</summary>
    internal int Pending => _batch.Count;

    /// <summary>Adds a token to the batch to come.</summary>
    internal void Add(int token, int position, int sequence, bool logits) => _batch.Add(token, position, sequence, logits);

    /// <summary>Adds a token that several sequences share.</summary>
    internal void Add(int token, int position, ReadOnlySpan<int> sequences, bool logits) => _batch.Add(token, position, sequences, logits);

    /// <summary>Decodes the batch.</summary>
    internal void Decode(CancellationToken cancellation)
    {
        if (_epoch != _adapter.Epoch)
            throw new InvalidOperationException("The KV cache was made under other weights; it must be cleared before decoding.");
        bool sound = _sound;
        _sound = false;
        _context.Decode(_batch, cancellation);
        _sound = sound && _context.HasSoundLogits();
    }

    public void Dispose()
    {
        if (_adapter.HasLostDevice)
            _context.Abandon();
        else
            _context.Dispose();
    }
}
