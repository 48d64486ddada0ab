namespace T2.Kernels;

/// <summary>
/// All eigenvalues and eigenvectors of a symmetric matrix: Householder tridiagonalisation, then the implicit QL iteration with Wilkinson's shift
/// (Golub and Van Loan, §8.3). Backward stable: each eigenvalue is within O(n·ε)·‖A‖ of an exact one, the vectors are orthonormal to O(n·ε).
/// </summary>
internal static unsafe class SymmetricEigen
{
    private const int MaxSweepsPerEigenvalue = 60;

    /// <param name="matrix">A, n×n, both triangles; destroyed.</param>
    /// <param name="n">Order of A, ≥ 1.</param>
    /// <param name="eigenvalues">Receives n values in no particular order.</param>
    /// <param name="vectors">Receives n×n values: row i is the eigenvector of <paramref name="eigenvalues"/>[i].</param>
    /// <param name="work">Threads, and the cancellation: checked at every step of the reduction and every batch of rotations.</param>
    /// <exception cref="FactorizationException">The iteration did not converge.</exception>
    public static void Decompose(double* matrix, int n, double* eigenvalues, double* vectors, ParallelWork work)
    {
        using var scratch = new PinnedBuffer<double>(2L * n);
        double* offDiagonal = scratch.Pointer, tau = offDiagonal + n;
        Tridiagonal.Reduce(matrix, n, eigenvalues, offDiagonal, tau, work);
        Tridiagonal.FormTransposedQ(matrix, n, tau, vectors, work);
        using var rotations = new RotationBatch(n);
        Iterate(eigenvalues, offDiagonal, n, rotations, vectors, work);
        rotations.Apply(vectors, work);
    }

    private static void Iterate(double* d, double* e, int n, RotationBatch rotations, double* vectors, ParallelWork work)
    {
        var norm = 0.0;
        for (var i = 0; i < n; i++)
            norm = Math.Max(norm, Math.Abs(d[i]) + Math.Abs(e[i]));
        // Half an ulp of the norm: less than what rounding has already cost.
        var negligible = norm * Math.ScaleB(1, -53);

        for (var low = 0; low < n; low++)
        {
            for (var sweep = 0; ; sweep++)
            {
                var high = low;
                while (high < n - 1 && Math.Abs(e[high]) > negligible)
                    high++;
                if (high == low)
                    break;
                if (sweep == MaxSweepsPerEigenvalue)
                    throw new FactorizationException($"The QL iteration found no eigenvalue {low} of {n} in {MaxSweepsPerEigenvalue} sweeps.");
                if (!rotations.HasRoom)
                    rotations.Apply(vectors, work);
                Sweep(d, e, low, high, rotations);
            }
        }
    }

    /// <summary>One implicit QL sweep of the unreduced block [low, high], chasing the bulge upwards.</summary>
    private static void Sweep(double* d, double* e, int low, int high, RotationBatch rotations)
    {
        var half = (d[low + 1] - d[low]) / (2 * e[low]);
        var shift = d[low] - (e[low] / (half + Math.CopySign(Math.Sqrt((half * half) + 1), half)));
        var bulge = d[high] - shift;
        double sine = 1, cosine = 1, correction = 0;
        rotations.BeginSweep(high);
        for (var i = high - 1; i >= low; i--)
        {
            var f = sine * e[i];
            var b = cosine * e[i];
            var radius = Math.Sqrt((f * f) + (bulge * bulge));
            e[i + 1] = radius;
            if (radius == 0)
            {
                // The block splits here by itself; what is recorded so far is a valid similarity.
                d[i + 1] -= correction;
                e[high] = 0;
                rotations.EndSweep();
                return;
            }
            sine = f / radius;
            cosine = bulge / radius;
            var g = d[i + 1] - correction;
            var change = ((d[i] - g) * sine) + (2 * cosine * b);
            correction = sine * change;
            d[i + 1] = g + correction;
            bulge = (cosine * change) - b;
            rotations.Add(cosine, sine);
        }
        rotations.EndSweep();
        d[low] -= correction;
        e[low] = bulge;
        e[high] = 0;
    }
}
