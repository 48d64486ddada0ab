namespace T2.Kernels;

/// <summary>
/// The kernel every other is measured against: C# in fp64 from the fp32 weight to the last addition, on any machine .NET runs on.
/// <para>
/// Factorise: the basis is orthonormal to 3·10⁻⁷ (fp32 rounding). σ is within 10⁻¹²·σ₁ of the exact value down to 10⁻⁶·σ₁, and within 10⁻⁸·σ₁ below:
/// values above σ₁/100 come from the Gram matrix's eigenvalues, smaller ones are measured again as ‖W·vᵢ‖, which leaves only what the mixing of
/// neighbouring vectors costs. Singular vectors of σ closer than about r·ε·σ₁²/σᵢ (ε = 2⁻⁵³) may be any basis of the space they span, and so may all below
/// 10⁻⁸·σ₁: where z differs within such a group, W' is one of several equally exact answers, which differ by at most |Δz|·σᵢ.
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
