namespace T2.Kernels;

/// <summary>The side of W = U·diag(σ)·Vᵀ whose singular vectors are kept: always the smaller square one.</summary>
public enum FactorSide
{
    /// <summary>V is kept (columns ≤ rows). The rebuild is W·(I + V·diag(z−1)·Vᵀ).</summary>
    Right = 0,

    /// <summary>U is kept (rows &lt; columns). The rebuild is (I + U·diag(z−1)·Uᵀ)·W.</summary>
    Left = 1,
}

/// <summary>Shape of a weight as ggml stores it: <see cref="Rows"/> outputs (<c>ne[1]</c>) of <see cref="Columns"/> contiguous inputs (<c>ne[0]</c>).</summary>
/// <param name="Rows">m, the number of rows.</param>
/// <param name="Columns">n, the length of a row.</param>
public readonly record struct MatrixShape(int Rows, int Columns)
{
    /// <summary>r = min(m, n): the number of singular values, and the length of z.</summary>
    public int Rank => Math.Min(Rows, Columns);

    /// <summary>The side kept for this shape.</summary>
    public FactorSide Side => Columns <= Rows ? FactorSide.Right : FactorSide.Left;

    /// <summary>m·n.</summary>
    public long Length => (long)Rows * Columns;

    /// <inheritdoc/>
    public override string ToString() => $"{Rows}×{Columns}";
}

/// <summary>
/// What is kept of a weight's singular value decomposition: σ, and the singular vectors of the smaller side. The other side is never stored,
/// for U·diag(σ⊙z)·Vᵀ = W·(V·diag(z)·Vᵀ) = (U·diag(z)·Uᵀ)·W, with W itself in the model file.
/// </summary>
/// <param name="Shape">m×n of the weight.</param>
/// <param name="SingularValues">σ, length r, descending, in fp64.</param>
/// <param name="Basis">r×r, row-major: row i holds the singular vector of σᵢ (of V or of U, see <see cref="MatrixShape.Side"/>), in fp32.</param>
public sealed record MatrixFactors(MatrixShape Shape, ReadOnlyMemory<double> SingularValues, ReadOnlyMemory<float> Basis);
