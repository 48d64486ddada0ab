using System.Runtime.InteropServices;

namespace T2.Llama;

/// <summary>
/// A KV cache and the buffers to compute with a model. Use it from one thread at a time: a call that finds another under
/// way throws. It keeps its model loaded.
/// </summary>
public sealed partial class LlamaContext : IDisposable
{
    private readonly DecodeAbort _abort;
    private readonly LlamaModel _model;
    private readonly bool[] _hasLogits;
    private int _decoded;
    private int _busy;

    private LlamaContext(LlamaModel model, LlamaContextOptions options, SafeContextHandle handle, DecodeAbort abort)
    {
        _model = model;
        _abort = abort;
        Options = options;
        Handle = handle;
        ContextLength = (int)LlamaNative.llama_n_ctx(handle);
        SequenceLength = (int)LlamaNative.llama_n_ctx_seq(handle);
        BatchSize = (int)LlamaNative.llama_n_batch(handle);
        MicroBatchSize = (int)LlamaNative.llama_n_ubatch(handle);
        MaxSequences = (int)LlamaNative.llama_n_seq_max(handle);
        _hasLogits = new bool[BatchSize];
    }

    /// <summary>The options it was made with.</summary>
    public LlamaContextOptions Options { get; }

    /// <summary>The native handle, for bindings of one's own.</summary>
    public SafeContextHandle Handle { get; }

    /// <summary>The model. It may have been disposed; the context keeps its weights all the same.</summary>
    public LlamaModel Model => _model;

    /// <summary>Tokens that the KV cache holds; llama.cpp rounds what was asked for up.</summary>
    public int ContextLength { get; }

    /// <summary>Tokens that one sequence can have.</summary>
    public int SequenceLength { get; }

    /// <summary>The most tokens of one decode.</summary>
    public int BatchSize { get; }

    /// <summary>The most tokens computed at a time.</summary>
    public int MicroBatchSize { get; }

    /// <summary>Number of sequences the KV cache tells apart.</summary>
    public int MaxSequences { get; }

    /// <summary>Makes a context. Thread-safe.</summary>
    /// <param name="model">The model, which must not be disposed yet.</param>
    /// <param name="options">The defaults when null.</param>
    /// <exception cref="ArgumentOutOfRangeException">An option is outside what llama.cpp can take.</exception>
    /// <exception cref="LlamaException">llama.cpp cannot make the context, for example for lack of memory.</exception>
    public static unsafe LlamaContext Create(LlamaModel model, LlamaContextOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        options ??= new LlamaContextOptions();
        model.RequireNotDisposed();
        LlamaContextParams parameters = ContextParameters.From(options);
        if (model.Options.VocabularyOnly)
            throw new LlamaException($"{model.Path} was loaded without its weights (VocabularyOnly); no context can be made.");
        if (LlamaNative.llama_model_has_encoder(model.Handle) || !LlamaNative.llama_model_has_decoder(model.Handle))
            throw new LlamaException($"{model.Path} is an encoder model; T2 runs models that only decode.");

        var abort = new DecodeAbort();
        GCHandle pinned = GCHandle.Alloc(abort);
        parameters.AbortCallback = &DecodeAbort.ShouldAbort;
        parameters.AbortCallbackData = (void*)GCHandle.ToIntPtr(pinned);
        using LlamaLogCapture log = LlamaLog.Capture();
        nint context = 0;
        try
        {
            context = LlamaNative.llama_init_from_model(model.Handle, parameters);
            if (context == 0)
                throw new LlamaException($"Cannot make a context for {model.Path}.{log.Explanation}");
        }
        finally
        {
            if (context == 0)
                pinned.Free();
        }

        return new LlamaContext(model, options, new SafeContextHandle(context, model.Handle, pinned), abort);
    }

    /// <summary>Sets the number of threads for single tokens and for batches, each 1 to 512.</summary>
    /// <param name="threads">Threads that compute single tokens.</param>
    /// <param name="batchThreads">Threads that compute batches.</param>
    public void SetThreads(int threads, int batchThreads)
    {
        ContextParameters.RequireThreads(threads, nameof(threads));
        ContextParameters.RequireThreads(batchThreads, nameof(batchThreads));
        using Turn turn = TakeTurn();
        LlamaNative.llama_set_n_threads(Handle, threads, batchThreads);
    }

    /// <summary>Waits until everything asked of the back ends is computed. Needed before weights are written.</summary>
    public void Synchronize()
    {
        using Turn turn = TakeTurn();
        LlamaNative.llama_synchronize(Handle);
    }

    /// <summary>
    /// Replaces the LoRA adapters in use; none removes all. The KV cache still holds what was computed before: clear it to
    /// have the whole text computed anew.
    /// </summary>
    /// <param name="adapters">Adapters of this context's model, each with the factor its change is multiplied by.</param>
    /// <exception cref="LlamaException">An adapter belongs to another model, or llama.cpp refuses.</exception>
    public unsafe void SetLoraAdapters(params IReadOnlyList<LlamaLoraUse> adapters)
    {
        ArgumentNullException.ThrowIfNull(adapters);
        foreach (LlamaLoraUse use in adapters)
        {
            if (!ReferenceEquals(use.Adapter.Handle.Model, Handle.Model))
                throw new LlamaException($"LoRA adapter {use.Adapter.Path} was loaded for another model than this context's.");
            if (!float.IsFinite(use.Scale))
                throw new ArgumentOutOfRangeException(nameof(adapters), use.Scale, $"The scale of {use.Adapter.Path} is not a number.");
        }

        using Turn turn = TakeTurn();
        Handle.ReplaceAdapters([.. adapters.Select(use => use.Adapter.Handle)], () =>
        {
            nint[] pointers = [.. adapters.Select(use => use.Adapter.Handle.DangerousGetHandle())];
            float[] scales = [.. adapters.Select(use => use.Scale)];
            using LlamaLogCapture log = LlamaLog.Capture();
            int status;
            fixed (nint* first = pointers)
            fixed (float* firstScale = scales)
                status = LlamaNative.llama_set_adapters_lora(Handle, first, (nuint)pointers.Length, firstScale);
            if (status != 0)
                throw new LlamaException($"llama.cpp cannot use the LoRA adapters (status {status}).{log.Explanation}") { StatusCode = status };
        });
    }

    /// <summary>Frees the KV cache and the buffers.</summary>
    public void Dispose() => Handle.Dispose();

    /// <summary>
    /// Lets go of the context and frees nothing, its model's weights neither: for when a device has failed for good, whose back end would end the process if it
    /// were asked to free what lies there.
    /// </summary>
    public void Abandon() => Handle.SetHandleAsInvalid();

    private Turn TakeTurn()
    {
        ObjectDisposedException.ThrowIf(Handle.IsClosed, this);
        if (Interlocked.CompareExchange(ref _busy, 1, 0) != 0)
            throw new InvalidOperationException("The context is in use by another call; it serves one thread at a time.");
        return new Turn(this);
    }

    /// <summary>The time between the begin and the end of a call, in which no other may begin.</summary>
    private readonly ref struct Turn(LlamaContext context)
    {
        public void Dispose() => Volatile.Write(ref context._busy, 0);
    }
}
