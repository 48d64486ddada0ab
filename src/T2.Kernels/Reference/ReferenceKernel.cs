namespace T2.Kernels;

/// <summary>
/// The kernel every other is measured against: C# in fp64 from the fp32 weight to the last addition, on any machine .NET runs on.
/// <para>
/// Bounds, with ε = 2⁻⁵³ and r = min(m, n). Factorise: the basis is orthonormal to 10⁻⁷ (fp32 rounding; O(r·ε) before it). σ is within O(r·ε)·σ₁ of
/// the exact value, whatever its size: values above σ₁/100 come from the Gram matrix's eigenvalues, smaller ones are measured again as ‖W·vᵢ‖. Singular
/// vectors whose σ lie within √(r·ε)·σ₁ ≈ 10⁻⁷·σ₁ of zero may be mixed with each other, and so may those of clusters closer than r·ε·σ₁²/σᵢ:
/// where z differs within such a group, W' is one of the equally exact answers, at most |Δz|·σᵢ away from another.
/// </para>
/// <para>Rebuild: before quantising, W' is within 10⁻⁶·max|z−1|·‖W‖ (Frobenius) of U·diag(σ⊙z)·Vᵀ; the fp32 basis is what limits it.</para>
/// The results do not depend on the number of threads, bit by bit.
/// </summary>
public sealed class ReferenceKernel : IWeightKernel
{
    /// <inheritdoc/>
    public string Name => "reference";

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">A span's length does not fit the shape, or the matrix is too large for one buffer.</exception>
    /// <exception cref="FactorizationException">The weight holds values that are not finite, or the iteration did not converge.</exception>
    public void Factorize(ReadOnlySpan<float> weight, MatrixShape shape, Span<double> singularValues, Span<float> basis, int threads, CancellationToken cancellation)
    {
        KernelArguments.CheckFactorize(weight, shape, singularValues, basis, threads);
        ReferenceFactorizer.Run(weight, shape, singularValues, basis, new ParallelWork(threads, cancellation));
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">Something about the job does not fit together: lengths, types, overlap, z. Nothing has been written.</exception>
    public void Rebuild(in RebuildJob job, int threads, CancellationToken cancellation)
    {
        KernelArguments.CheckRebuild(job, threads);
        ReferenceRebuilder.Run(job, new ParallelWork(threads, cancellation));
    }
}
