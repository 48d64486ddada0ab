using Microsoft.Extensions.Logging;
using T2.Kernels.Gpu;
using T2.Llama;
using T2.Weights;

namespace T2.Runtime;

/// <summary>How a model is loaded and adapted.</summary>
public sealed record ModelOptions
{
    /// <summary>Transformer layers kept on a GPU; 0 keeps the model on the CPU, −1 puts all of it on the GPU. Anything but 0 takes a llama.cpp with a GPU back end and a device, and fails without.</summary>
    public int GpuLayers { get; init; }

    /// <summary>How llama.cpp gets the file's bytes. Mapped base weights stay shared with other processes; only adapted tensors take memory of their own.</summary>
    public LlamaLoadMode LoadMode { get; init; } = LlamaLoadMode.Auto;

    /// <summary>Whether llama.cpp may repack quantised weights for its fastest CPU kernels. An expert's weights are repacked once, when they are rebuilt.</summary>
    public bool Repack { get; init; } = true;

    /// <summary>Threads for factorising and rebuilding; 0 = all processors.</summary>
    public int AdaptationThreads { get; init; }

    /// <summary>Bytes that rebuilt experts may keep in memory, so that switching back to one costs next to nothing. The expert in use is kept whatever it takes.</summary>
    public long PreparedBytes { get; init; } = 1L << 30;

    /// <summary>
    /// A folder in which rebuilt experts are kept as files, mapped when they are next used instead of being rebuilt; null = none. Files that are damaged are
    /// refused, said so (<see cref="RebuildReport.Note"/>), and written anew. Mixtures are not kept. Nothing is ever deleted.
    /// </summary>
    public string? PreparedDirectory { get; init; }

    /// <summary>
    /// The type that adapted weights live in: a finer one than the base's keeps small changes that a coarse type's rounding swallows. Where an expert so
    /// prepared does not fit <see cref="PreparedBytes"/> it lives in the base's types (<see cref="RebuildReport.Raised"/> tells). Takes a llama.cpp that
    /// computes on CPUs only; else the base's types are the only ones, and asking for others is refused.
    /// </summary>
    public AdaptedPrecision Precision { get; init; }

    /// <summary>
    /// Kernel that factors and rebuilds (<c>t2 kernels</c> lists them); null = the best available, and for weights that llama.cpp keeps on a CUDA device that
    /// device. A CPU's kernel named here rebuilds those too, and they are uploaded.
    /// </summary>
    public string? Kernel { get; init; }

    /// <summary>The factor sidecar; null = beside the model, <c>&lt;model&gt;.t2factors</c>.</summary>
    public string? FactorPath { get; init; }

    /// <summary>Accept experts learned on other weights of the same shapes, such as another quantisation of the same model.</summary>
    public bool AllowOtherBase { get; init; }

    /// <summary>llama.cpp's library or its folder; null = the usual places (see <see cref="LlamaLibrary"/>).</summary>
    public string? LibraryPath { get; init; }

    /// <summary>Receives llama.cpp's warnings and errors; null = silence.</summary>
    public ILogger? Logger { get; init; }

    /// <summary>
    /// Change weights in host memory by overwriting them, as on a device, instead of moving a pointer. Takes <see cref="LlamaLoadMode.None"/>: mapped weights
    /// cannot be written. Slower by the time of the copy; there for backends that keep pointers, and to measure what a copy costs.
    /// </summary>
    public bool SwitchByCopy { get; init; }

    /// <summary>
    /// What T2 may take of a GPU's memory for weights that llama.cpp keeps there: the rest of it is for contexts. Experts rebuilt on a GPU stay there within
    /// <see cref="PreparedBytes"/>.
    /// </summary>
    public GpuPlanOptions GpuPlan { get; init; } = new();

    /// <summary>Gives the device of a weight that lies on one; null = none. Made by a test.</summary>
    internal Func<LiveTensor, IGpuDevice?>? GpuOverride { get; init; }

    /// <summary>A kernel made by a test.</summary>
    internal T2.Kernels.IWeightKernel? KernelOverride { get; init; }

    internal int ResolvedThreads => AdaptationThreads > 0 ? AdaptationThreads : Environment.ProcessorCount;
}
