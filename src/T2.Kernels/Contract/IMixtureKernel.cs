using T2.Gguf;

namespace T2.Kernels;

/// <summary>A kernel that can keep experts as deltas and sum them: a new mixture of prepared experts costs memory traffic, not matrix products.</summary>
public interface IMixtureKernel : IWeightKernel
{
    /// <summary>Writes D = W' − W for the job's z, in <see cref="RebuildJob.DestinationType"/> (F32, F16 or BF16 are what <see cref="Mix"/> takes).</summary>
    /// <param name="job">As for <see cref="IWeightKernel.Rebuild"/>.</param>
    /// <param name="threads">Upper bound of threads used, ≥ 1.</param>
    /// <param name="cancellation">Observed between panels.</param>
    void Delta(in RebuildJob job, int threads, CancellationToken cancellation);

    /// <summary>
    /// Writes W' = W + Σ αₖ·Dₖ; without a delta, or with every α = 0, W's own bytes where both types are one. A K-quant is rounded to with a shorter search than a
    /// rebuild's: at most 1.02 times its error (Q2_K 1.07), at a quarter of its time.
    /// </summary>
    /// <param name="job">Source, deltas and destination.</param>
    /// <param name="threads">Upper bound of threads used, ≥ 1.</param>
    /// <param name="cancellation">Observed between chunks; the destination is then partly written.</param>
    void Mix(in MixJob job, int threads, CancellationToken cancellation);
}

/// <summary>One weight to mix from kept deltas.</summary>
public readonly ref struct MixJob
{
    /// <summary>The pristine weight's bytes, rows of <see cref="SourceType"/> blocks.</summary>
    public required ReadOnlySpan<byte> Source { get; init; }

    /// <summary>Element type of <see cref="Source"/>.</summary>
    public required TensorType SourceType { get; init; }

    /// <summary>m×n of the weight.</summary>
    public required MatrixShape Shape { get; init; }

    /// <summary>Addresses of the deltas, each m·n values of <see cref="DeltaType"/> that stay where they are during the call.</summary>
    public required ReadOnlySpan<nint> Deltas { get; init; }

    /// <summary>F32, F16 or BF16.</summary>
    public required TensorType DeltaType { get; init; }

    /// <summary>αₖ of each delta. A delta with α = 0 is not read.</summary>
    public required ReadOnlySpan<float> Alpha { get; init; }

    /// <summary>Where the mixed weight goes, rows of <see cref="DestinationType"/> blocks. Must not overlap the source.</summary>
    public required Span<byte> Destination { get; init; }

    /// <summary>Element type of <see cref="Destination"/>.</summary>
    public required TensorType DestinationType { get; init; }
}
