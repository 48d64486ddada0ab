namespace T2.Llama;

/// <summary>A LoRA adapter for one model. Thread-safe; used by <see cref="LlamaContext.SetLoraAdapters"/>. Contexts that use it keep it.</summary>
public sealed class LlamaLoraAdapter : IDisposable
{
    private LlamaLoraAdapter(string path, SafeLoraHandle handle)
    {
        Path = path;
        Handle = handle;
    }

    /// <summary>The file that it was loaded from.</summary>
    public string Path { get; }

    /// <summary>The native handle, for bindings of one's own.</summary>
    public SafeLoraHandle Handle { get; }

    /// <summary>Loads an adapter. Loads on one model must not run at the same time.</summary>
    /// <param name="model">The model it is made for.</param>
    /// <param name="path">A GGUF file with adapter.type = "lora".</param>
    /// <exception cref="LlamaException">The file is missing, broken or made for another model; the message names it and gives llama.cpp's reasons.</exception>
    public static LlamaLoraAdapter Load(LlamaModel model, string path)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentException.ThrowIfNullOrEmpty(path);
        model.RequireNotDisposed();
        if (!File.Exists(path))
            throw new LlamaException($"Cannot load LoRA adapter {path}: {(Directory.Exists(path) ? "it is a folder" : "no such file")}.");
        using LlamaLogCapture log = LlamaLog.Capture();
        nint adapter = LlamaNative.llama_adapter_lora_init(model.Handle, path);
        if (adapter == 0)
            throw new LlamaException($"Cannot load LoRA adapter {path} for {model.Path}.{log.Explanation}");
        return new LlamaLoraAdapter(System.IO.Path.GetFullPath(path), new SafeLoraHandle(adapter, model.Handle));
    }

    /// <summary>Lets go of the adapter; it is freed once no context uses it.</summary>
    public void Dispose() => Handle.Dispose();
}

/// <summary>An adapter and the factor that its change of the weights is multiplied by.</summary>
/// <param name="Adapter">The adapter.</param>
/// <param name="Scale">1 applies it as trained, 0 not at all.</param>
public readonly record struct LlamaLoraUse(LlamaLoraAdapter Adapter, float Scale = 1);
