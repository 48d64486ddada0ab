namespace T2.Llama;

/// <summary>How a model is loaded.</summary>
public sealed record LlamaModelOptions
{
    /// <summary>Layers to keep on the GPU. 0, the default, keeps all on the CPU; −1 offloads every layer.</summary>
    public int GpuLayers { get; init; }

    /// <summary>How the layers are divided among several GPUs.</summary>
    public LlamaSplitMode SplitMode { get; init; } = LlamaSplitMode.Layer;

    /// <summary>The GPU to use when <see cref="SplitMode"/> is None.</summary>
    public int MainGpu { get; init; }

    /// <summary>How the file gets into memory. Mapped weights (Auto, Mmap, MmapMlock) must not be written to.</summary>
    public LlamaLoadMode LoadMode { get; init; } = LlamaLoadMode.Auto;

    /// <summary>
    /// Lets llama.cpp rearrange quantised weights for faster CPU products. True as in llama.cpp; such weights can neither be
    /// read back nor written in part, so set it to false for weights that are to be rewritten often.
    /// </summary>
    public bool UseExtraBufferTypes { get; init; } = true;

    /// <summary>Has llama.cpp look for invalid numbers in every tensor, which costs a pass over the file.</summary>
    public bool CheckTensors { get; init; }

    /// <summary>Reads the vocabulary and the metadata only; no context can be made.</summary>
    public bool VocabularyOnly { get; init; }

    /// <summary>Receives the fraction loaded, 0 to 1, on the loading thread.</summary>
    public IProgress<float>? Progress { get; init; }
}

/// <summary>llama_split_mode.</summary>
public enum LlamaSplitMode
{
    /// <summary>One GPU.</summary>
    None = 0,

    /// <summary>Whole layers and their KV cache on each GPU.</summary>
    Layer = 1,

    /// <summary>Rows of each matrix on each GPU.</summary>
    Row = 2,

    /// <summary>Tensor parallelism.</summary>
    Tensor = 3,
}

/// <summary>llama_load_mode.</summary>
public enum LlamaLoadMode
{
    /// <summary>llama.cpp's choice, which maps the file.</summary>
    Auto = -1,

    /// <summary>Reads the file into memory of the process's own.</summary>
    None = 0,

    /// <summary>Maps the file read-only.</summary>
    Mmap = 1,

    /// <summary>Reads the file into memory that is not swapped out.</summary>
    Mlock = 2,

    /// <summary>Maps the file and keeps it from being swapped out.</summary>
    MmapMlock = 3,

    /// <summary>Reads the file past the system's page cache.</summary>
    DirectIo = 4,
}
