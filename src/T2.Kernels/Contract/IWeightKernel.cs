using T2.Gguf;

namespace T2.Kernels;

/// <summary>
/// The one contract between T2 and the hardware: factor a weight once, rebuild it from its factors and a z-vector.
/// Implementations are listed in <see cref="KernelRegistry"/>, are stateless between calls, and may be called from several threads.
/// </summary>
public interface IWeightKernel
{
    /// <summary>Short lower-case name, as <c>--kernel</c> and <c>T2_KERNEL</c> take it.</summary>
    string Name { get; }

    /// <summary>Computes σ and the smaller side's singular vectors of W.</summary>
    /// <param name="weight">W, m·n values in row-major order. Not modified.</param>
    /// <param name="shape">m×n.</param>
    /// <param name="singularValues">Receives σ, r values, descending.</param>
    /// <param name="basis">Receives r×r values: row i is the singular vector of σᵢ.</param>
    /// <param name="threads">Upper bound of threads used, ≥ 1.</param>
    /// <param name="cancellation">Observed at least once per panel of the algorithm.</param>
    void Factorize(ReadOnlySpan<float> weight, MatrixShape shape, Span<double> singularValues, Span<float> basis, int threads, CancellationToken cancellation);

    /// <summary>
    /// Writes W' = U·diag(σ⊙z)·Vᵀ, computed as W plus a delta from the pristine W: where z is 1 everywhere the destination gets the source's very bytes
    /// (if the types are equal).
    /// </summary>
    /// <param name="job">Source, factors, z and destination. Source and destination must not overlap.</param>
    /// <param name="threads">Upper bound of threads used, ≥ 1.</param>
    /// <param name="cancellation">Observed between row panels; the destination is then partly written and the caller restores it.</param>
    void Rebuild(in RebuildJob job, int threads, CancellationToken cancellation);

    /// <summary>Gives up working memory that is kept for the next call, where none is expected soon. Harmless at any time.</summary>
    void ReleaseWorkspaces()
    {
    }
}

/// <summary>One weight to rebuild.</summary>
public readonly ref struct RebuildJob
{
    /// <summary>The pristine weight's bytes, rows of <see cref="SourceType"/> blocks.</summary>
    public required ReadOnlySpan<byte> Source { get; init; }

    /// <summary>Element type of <see cref="Source"/>.</summary>
    public required TensorType SourceType { get; init; }

    /// <summary>m×n of the weight.</summary>
    public required MatrixShape Shape { get; init; }

    /// <summary>Singular vectors of the smaller side, r×r, row i of σᵢ (<see cref="MatrixFactors.Basis"/>).</summary>
    public required ReadOnlySpan<float> Basis { get; init; }

    /// <summary>Effective z, length r; 1.0 leaves a singular value as it is.</summary>
    public required ReadOnlySpan<float> Z { get; init; }

    /// <summary>Where the rebuilt weight goes, rows of <see cref="DestinationType"/> blocks.</summary>
    public required Span<byte> Destination { get; init; }

    /// <summary>Element type of <see cref="Destination"/>; usually the source's.</summary>
    public required TensorType DestinationType { get; init; }
}
