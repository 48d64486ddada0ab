using System.Runtime.InteropServices;

namespace T2.Llama;

/// <summary>llama_model_params of llama.cpp v0.5.0: 80 bytes on 64-bit platforms.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct LlamaModelParams
{
    public void** Devices;
    public void* TensorBufferTypeOverrides;
    public int GpuLayers;
    public int SplitMode;
    public int LoadMode;
    public int LazyMode;
    public int MainGpu;
    public float* TensorSplit;
    public delegate* unmanaged[Cdecl]<float, void*, byte> ProgressCallback;
    public void* ProgressCallbackData;
    public void* MetadataOverrides;
    public byte VocabularyOnly;
    public byte CheckTensors;
    public byte UseExtraBufferTypes;
    public byte NoHost;
    public byte NoAllocation;
    public byte LoadMultiTokenPrediction;

    /// <summary>What llama_model_default_params returns; <see cref="LlamaAbi"/> holds the library to it.</summary>
    public static LlamaModelParams Defaults => new()
    {
        GpuLayers = -1,
        SplitMode = 1,
        LoadMode = -1,
        LazyMode = 1,
        UseExtraBufferTypes = 1,
    };

    /// <summary>Bytes that belong to no field: after main_gpu, and after the flags.</summary>
    public static bool IsPadding(int offset) => offset is (>= 36 and < 40) or >= 78;
}
