using System.Runtime.InteropServices;

namespace T2.Llama;

/// <summary>
/// The weights and the vocabulary of a GGUF file. Reading it from several threads is safe; disposing it is too, and frees
/// the weights once every context and adapter made from it is disposed.
/// </summary>
public sealed class LlamaModel : IDisposable
{
    private static volatile bool s_hasAbandoned;

    private volatile bool _disposed;

    private LlamaModel(string path, SafeModelHandle handle, LlamaModelOptions options)
    {
        Path = path;
        Handle = handle;
        Options = options;
        Vocabulary = new LlamaVocabulary(handle);
    }

    /// <summary>The file that the model was loaded from.</summary>
    public string Path { get; }

    /// <summary>How it was loaded.</summary>
    public LlamaModelOptions Options { get; }

    /// <summary>The native handle, for bindings of one's own.</summary>
    public SafeModelHandle Handle { get; }

    /// <summary>The llama_model*. Valid until the model and everything made from it is disposed.</summary>
    /// <exception cref="ObjectDisposedException">The model is disposed.</exception>
    public nint NativePointer
    {
        get
        {
            RequireNotDisposed();
            return Handle.DangerousGetHandle();
        }
    }

    /// <summary>Whether <see cref="Abandon"/> has let go of it: its memory is never freed.</summary>
    public bool IsAbandoned { get; private set; }

    /// <summary>The vocabulary.</summary>
    public LlamaVocabulary Vocabulary { get; }

    /// <summary>Architecture, size and type in words, e.g. "llama 1B Q4_0".</summary>
    public unsafe string Description => NativeText.Read((buffer, size) => LlamaNative.llama_model_desc(Handle, buffer, size)) ?? "";

    /// <summary>Context length in tokens that the model was trained for.</summary>
    public int ContextLength => LlamaNative.llama_model_n_ctx_train(Handle);

    /// <summary>Width of the residual stream.</summary>
    public int EmbeddingLength => LlamaNative.llama_model_n_embd(Handle);

    /// <summary>Number of transformer blocks.</summary>
    public int LayerCount => LlamaNative.llama_model_n_layer(Handle);

    /// <summary>Number of attention heads of the first layer.</summary>
    public int HeadCount => LlamaNative.llama_model_n_head(Handle);

    /// <summary>Number of key/value heads of the first layer.</summary>
    public int HeadCountKv => LlamaNative.llama_model_n_head_kv(Handle);

    /// <summary>Number of tokens in the vocabulary, which is also the length of a row of logits.</summary>
    public int VocabularySize => Vocabulary.Count;

    /// <summary>Number of weights.</summary>
    public long ParameterCount => (long)LlamaNative.llama_model_n_params(Handle);

    /// <summary>Bytes of all tensors.</summary>
    public long SizeInBytes => (long)LlamaNative.llama_model_size(Handle);

    /// <summary>The file's default chat template (Jinja source), or null.</summary>
    public unsafe string? ChatTemplate => Marshal.PtrToStringUTF8((nint)LlamaNative.llama_model_chat_template(Handle, null));

    /// <summary>The value of a metadata key as text, or null when the file lacks it or it is an array.</summary>
    /// <param name="key">For example "general.architecture".</param>
    public unsafe string? MetadataValue(string key)
    {
        ArgumentNullException.ThrowIfNull(key);
        return NativeText.Read((buffer, size) => LlamaNative.llama_model_meta_val_str(Handle, key, buffer, size));
    }

    /// <summary>Loads a GGUF file. Loads llama.cpp first if need be. Thread-safe.</summary>
    /// <param name="path">The file; the first part of a split model loads the others.</param>
    /// <param name="options">How to load it; the defaults when null.</param>
    /// <param name="cancellationToken">Stops loading between tensors.</param>
    /// <exception cref="LlamaException">The file is missing or llama.cpp cannot load it; the message names the file and gives llama.cpp's reasons.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An option has a value that llama.cpp does not know.</exception>
    /// <exception cref="OperationCanceledException">Loading was cancelled.</exception>
    public static unsafe LlamaModel Load(string path, LlamaModelOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        options ??= new LlamaModelOptions();
        LlamaLibrary.Load();
        if (!File.Exists(path))
            throw new LlamaException($"Cannot load model {path}: {(Directory.Exists(path) ? "it is a folder" : "no such file")}.");
        // A device's context is one for all of the process, and llama.cpp ends the process at its first failure.
        if (s_hasAbandoned && options.GpuLayers != 0)
            throw new LlamaException($"Cannot load model {path} on a GPU: one has failed for good in this process; only a new process can use it.");
        cancellationToken.ThrowIfCancellationRequested();

        var state = new LoadProgress(options.Progress, cancellationToken);
        GCHandle pinned = GCHandle.Alloc(state);
        using LlamaLogCapture log = LlamaLog.Capture();
        try
        {
            LlamaModelParams parameters = LlamaModelParams.Defaults;
            parameters.GpuLayers = options.GpuLayers;
            parameters.SplitMode = EnumCode.Of(options.SplitMode);
            parameters.MainGpu = options.MainGpu;
            parameters.LoadMode = EnumCode.Of(options.LoadMode);
            parameters.UseExtraBufferTypes = ToByte(options.UseExtraBufferTypes);
            parameters.CheckTensors = ToByte(options.CheckTensors);
            parameters.VocabularyOnly = ToByte(options.VocabularyOnly);
            parameters.ProgressCallback = &LoadProgress.OnProgress;
            parameters.ProgressCallbackData = (void*)GCHandle.ToIntPtr(pinned);
            nint model = LlamaNative.llama_model_load_from_file(path, parameters);
            if (model != 0)
                return new LlamaModel(System.IO.Path.GetFullPath(path), new SafeModelHandle(model), options);
        }
        finally
        {
            pinned.Free();
        }

        cancellationToken.ThrowIfCancellationRequested();
        throw new LlamaException($"Cannot load model {path}.{log.Explanation}", state.Failure);
    }

    /// <summary>Lets go of the model; its memory is freed once its contexts and adapters are disposed too.</summary>
    public void Dispose()
    {
        _disposed = true;
        Handle.Dispose();
    }

    /// <summary>
    /// Lets go of the model and frees nothing: for when a device has failed for good, whose back end would end the process if it were asked to free what lies
    /// there.
    /// </summary>
    public void Abandon()
    {
        IsAbandoned = true;
        s_hasAbandoned = true;
        _disposed = true;
        Handle.SetHandleAsInvalid();
    }

    /// <exception cref="ObjectDisposedException">The model is disposed, though contexts may still keep its weights.</exception>
    internal void RequireNotDisposed() => ObjectDisposedException.ThrowIf(_disposed, this);

    private static byte ToByte(bool value) => value ? (byte)1 : (byte)0;
}
