using T2.Gguf;

namespace T2.Weights;

/// <summary>
/// Where a live tensor's base bytes are, and so how others take their place. On a CPU they are left where they are: the tensor's data pointer is moved to
/// memory of T2's own, and moved back to restore the base. On a device they are overwritten, and restored from the file.
/// </summary>
public enum TensorStorage
{
    /// <summary>Host memory mapped read-only from the model file; writing there ends the process.</summary>
    Mapped,

    /// <summary>Host memory that llama.cpp allocated, in GGUF layout.</summary>
    Host,

    /// <summary>A CPU buffer whose layout ggml chooses (CPU_REPACK, AMX, KleidiAI): accepts whole tensors in GGUF layout and repacks them; cannot be read back.</summary>
    Repacked,

    /// <summary>Memory of an accelerator: whole tensors are uploaded.</summary>
    Device,
}

/// <summary>Tells a buffer's storage from its ggml name; a name not known to be safe is refused.</summary>
internal static class TensorStorageRules
{
    private static readonly string[] s_repacked = ["CPU_REPACK", "AMX", "CPU_KLEIDIAI", "CPU_AARCH64", "CPU_SPACEMIT"];
    private static readonly string[] s_devices = ["CUDA", "ROCm", "MUSA", "Vulkan", "Metal", "MTL", "SYCL", "OpenCL", "CANN"];

    // SYCL's takes quantised weights apart at their first use, OpenCL's when they are set, and neither expects them to be set again: it would compute with garbage.
    private static readonly string[] s_rearranging = ["SYCL", "OpenCL"];

    /// <summary>Why a weight of a type cannot be changed on a device whose back end keeps such weights in an arrangement of its own; null = it can.</summary>
    internal static string? RefusalOf(string bufferName, TensorType type) =>
        TensorTypes.Info(type).BlockLength > 1 && Array.Exists(s_rearranging, name => bufferName.StartsWith(name, StringComparison.Ordinal))
            ? $"is of type {type} in a buffer '{bufferName}', whose back end rearranges quantised weights once and cannot be given others; keep the model on the CPU"
            : null;

    /// <summary>The storage of a buffer, or null with the reason it is refused.</summary>
    internal static TensorStorage? Classify(string bufferName, bool isHost, out string? refusal)
    {
        refusal = null;
        if (bufferName.Contains("Split", StringComparison.OrdinalIgnoreCase) || bufferName.StartsWith("Meta", StringComparison.Ordinal))
        {
            refusal = $"lies in a buffer '{bufferName}' that is split over devices (split modes row and tensor); load with split mode 'none' or 'layer'";
            return null;
        }
        if (Array.Exists(s_repacked, name => bufferName.StartsWith(name, StringComparison.Ordinal)))
            return TensorStorage.Repacked;
        if (isHost)
            return bufferName.EndsWith("_Mapped", StringComparison.Ordinal) ? TensorStorage.Mapped : TensorStorage.Host;
        if (Array.Exists(s_devices, name => bufferName.StartsWith(name, StringComparison.Ordinal)))
            return TensorStorage.Device;
        refusal = $"lies in a buffer of an unknown kind, '{bufferName}'";
        return null;
    }
}
