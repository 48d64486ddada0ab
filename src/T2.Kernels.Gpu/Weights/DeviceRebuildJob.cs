using T2.Gguf;

namespace T2.Kernels.Gpu;

/// <summary>One weight to rebuild, all of it on the device but z.</summary>
public readonly ref struct DeviceRebuildJob
{
    /// <summary>The pristine weight: rows of <see cref="SourceType"/> blocks.</summary>
    public required DevicePointer Source { get; init; }

    /// <summary>Element type of <see cref="Source"/>.</summary>
    public required TensorType SourceType { get; init; }

    /// <summary>m×n of the weight.</summary>
    public required MatrixShape Shape { get; init; }

    /// <summary>Singular vectors of the smaller side, r×r fp32, row i of σᵢ.</summary>
    public required DevicePointer Basis { get; init; }

    /// <summary>Effective z, length r, on the host.</summary>
    public required ReadOnlySpan<float> Z { get; init; }

    /// <summary>Where the rebuilt weight goes: rows of <see cref="DestinationType"/> blocks. Must not overlap <see cref="Source"/>.</summary>
    public required DevicePointer Destination { get; init; }

    /// <summary>Element type of <see cref="Destination"/>.</summary>
    public required TensorType DestinationType { get; init; }

    /// <summary>Arithmetic of the product.</summary>
    public RebuildPrecision Precision { get; init; }
}
