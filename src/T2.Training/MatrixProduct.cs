namespace T2.Training;

/// <summary>Products of row-major fp32 matrices.</summary>
internal static class MatrixProduct
{
    /// <summary>C[m×n] = A·B, or C + A·B; A (B) is used transposed where <paramref name="transposeA"/> (<paramref name="transposeB"/>) says so.</summary>
    /// <param name="a">m×k, or k×m if transposed; rows <paramref name="lda"/> apart.</param>
    /// <param name="lda">Distance of a's rows.</param>
    /// <param name="transposeA">Whether A is stored transposed.</param>
    /// <param name="b">k×n, or n×k if transposed; rows <paramref name="ldb"/> apart.</param>
    /// <param name="ldb">Distance of b's rows.</param>
    /// <param name="transposeB">Whether B is stored transposed.</param>
    /// <param name="c">m×n, rows <paramref name="ldc"/> apart.</param>
    /// <param name="ldc">Distance of c's rows.</param>
    /// <param name="m">Rows of C.</param>
    /// <param name="n">Columns of C.</param>
    /// <param name="k">Depth.</param>
    /// <param name="accumulate">Whether C is added to.</param>
    public static void Multiply(
        ReadOnlySpan<float> a, int lda, bool transposeA, ReadOnlySpan<float> b, int ldb, bool transposeB, Span<float> c, int ldc, int m, int n, int k, bool accumulate)
    {
        for (var i = 0; i < m; i++)
        {
            for (var j = 0; j < n; j++)
            {
                var sum = accumulate ? c[i * ldc + j] : 0;
                for (var p = 0; p < k; p++)
                    sum += (transposeA ? a[p * lda + i] : a[i * lda + p]) * (transposeB ? b[j * ldb + p] : b[p * ldb + j]);
                c[i * ldc + j] = sum;
            }
        }
    }
}
