namespace T2.Kernels.Gpu;

/// <summary>What a plan may use and what it must leave alone.</summary>
public sealed record GpuPlanOptions
{
    /// <summary>Names of the weights experts adapt; null for every adaptable weight of the model's blocks.</summary>
    public IReadOnlyCollection<string>? Weights { get; init; }

    /// <summary>Device memory left for llama.cpp's KV cache and compute buffers. Default 1 GiB.</summary>
    public long ReservedBytes { get; init; } = 1L << 30;

    /// <summary>Upper bound of page-locked host memory. Default: a quarter of what the process may use.</summary>
    public long PinnedBytes { get; init; } = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 4;

    /// <summary>The best placement a weight may get; the default lets memory decide. <see cref="FactorPlacement.Cpu"/> keeps everything off the GPU.</summary>
    public FactorPlacement Best { get; init; } = FactorPlacement.Resident;

    /// <summary>Whether a copy of the adapted weights' base may stay on the device where it fits. Without it rebuilds and resets upload weights from the file.</summary>
    public bool KeepBase { get; init; } = true;
}
