namespace T2.Llama;

/// <summary>How a context is made.</summary>
public sealed record LlamaContextOptions
{
    /// <summary>Tokens that the KV cache holds, shared by all sequences. 0 takes the model's training length.</summary>
    public uint ContextLength { get; init; }

    /// <summary>The most tokens of one <see cref="LlamaContext.Decode"/>.</summary>
    public int BatchSize { get; init; } = 2048;

    /// <summary>The most tokens computed at a time; a larger batch is split.</summary>
    public int MicroBatchSize { get; init; } = 512;

    /// <summary>Number of sequences the KV cache tells apart.</summary>
    public int MaxSequences { get; init; } = 1;

    /// <summary>
    /// One KV cache for all sequences, any of which may then use all of it. Otherwise each has an equal part of its own.
    /// Set it for sequences that share a long beginning.
    /// </summary>
    public bool UnifiedKv { get; init; }

    /// <summary>Threads that compute single tokens. 0 takes the number of processors this process may use.</summary>
    public int Threads { get; init; }

    /// <summary>Threads that compute batches. 0 takes the number of processors this process may use.</summary>
    public int BatchThreads { get; init; }

    /// <summary>Whether attention is computed without storing its whole matrix.</summary>
    public LlamaFlashAttention FlashAttention { get; init; } = LlamaFlashAttention.Auto;

    /// <summary>Type of the cached keys.</summary>
    public LlamaCacheType TypeK { get; init; } = LlamaCacheType.F16;

    /// <summary>Type of the cached values; a quantised one needs flash attention.</summary>
    public LlamaCacheType TypeV { get; init; } = LlamaCacheType.F16;

    /// <summary>
    /// A C function bool (ggml_tensor* tensor, bool ask, void* userData) that sees every node of the graph, or zero. It is
    /// first asked whether it wants the node's result and then, if so, called with it; on a false answer to that the
    /// computation stops.
    /// </summary>
    public nint EvalCallback { get; init; }

    /// <summary>Passed to <see cref="EvalCallback"/>.</summary>
    public nint EvalCallbackData { get; init; }
}

/// <summary>llama_flash_attn_type.</summary>
public enum LlamaFlashAttention
{
    /// <summary>On where the back end supports it.</summary>
    Auto = -1,

    /// <summary>Off.</summary>
    Disabled = 0,

    /// <summary>On.</summary>
    Enabled = 1,
}

/// <summary>The tensor types that a KV cache can have, with ggml's numbers.</summary>
public enum LlamaCacheType
{
    /// <summary>32-bit floats.</summary>
    F32 = 0,

    /// <summary>16-bit floats.</summary>
    F16 = 1,

    /// <summary>4 bits, one scale per 32.</summary>
    Q4_0 = 2,

    /// <summary>4 bits, scale and minimum per 32.</summary>
    Q4_1 = 3,

    /// <summary>5 bits, one scale per 32.</summary>
    Q5_0 = 6,

    /// <summary>5 bits, scale and minimum per 32.</summary>
    Q5_1 = 7,

    /// <summary>8 bits, one scale per 32.</summary>
    Q8_0 = 8,

    /// <summary>bfloat16.</summary>
    BF16 = 30,
}
