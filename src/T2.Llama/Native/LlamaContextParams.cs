using System.Runtime.InteropServices;

namespace T2.Llama;

/// <summary>llama_context_params of llama.cpp v0.5.0: 160 bytes on 64-bit platforms.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct LlamaContextParams
{
    public uint ContextLength;
    public uint BatchSize;
    public uint MicroBatchSize;
    public uint MaxSequences;
    public uint RecurrentStatesPerSequence;
    public uint MaxOutputs;
    public uint MaxOutputsPerSequence;
    public int Threads;
    public int BatchThreads;
    public int ContextType;
    public int RopeScalingType;
    public int PoolingType;
    public int AttentionType;
    public int FlashAttention;
    public float RopeFrequencyBase;
    public float RopeFrequencyScale;
    public float YarnExtensionFactor;
    public float YarnAttentionFactor;
    public float YarnBetaFast;
    public float YarnBetaSlow;
    public uint YarnOriginalContext;
    public float DefragmentationThreshold;
    public delegate* unmanaged[Cdecl]<void*, byte, void*, byte> EvalCallback;
    public void* EvalCallbackData;
    public int TypeK;
    public int TypeV;
    public delegate* unmanaged[Cdecl]<void*, byte> AbortCallback;
    public void* AbortCallbackData;
    public byte Embeddings;
    public byte OffloadKeysAndValues;
    public byte NoPerformanceCounters;
    public byte OffloadOperations;
    public byte FullSlidingWindow;
    public byte UnifiedKv;
    public void* Samplers;
    public nuint SamplerCount;
    public void* OtherContext;

    /// <summary>What llama_context_default_params returns; <see cref="LlamaAbi"/> holds the library to it.</summary>
    public static LlamaContextParams Defaults => new()
    {
        ContextLength = 512,
        BatchSize = 2048,
        MicroBatchSize = 512,
        MaxSequences = 1,
        MaxOutputsPerSequence = 1,
        Threads = 4,
        BatchThreads = 4,
        RopeScalingType = -1,
        PoolingType = -1,
        AttentionType = -1,
        FlashAttention = -1,
        YarnExtensionFactor = -1,
        YarnAttentionFactor = -1,
        YarnBetaFast = -1,
        YarnBetaSlow = -1,
        DefragmentationThreshold = -1,
        TypeK = 1,
        TypeV = 1,
        OffloadKeysAndValues = 1,
        NoPerformanceCounters = 1,
        OffloadOperations = 1,
        FullSlidingWindow = 1,
    };

    /// <summary>Bytes that belong to no field: after the flags.</summary>
    public static bool IsPadding(int offset) => offset is >= 134 and < 136;
}
