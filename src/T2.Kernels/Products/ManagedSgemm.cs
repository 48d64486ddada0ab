using System.Numerics;

namespace T2.Kernels;

/// <summary>Products where the native kernels are not: rows of C are sums of rows of B.</summary>
internal static unsafe class ManagedSgemm
{
    public static void Multiply(int m, int n, int k, float* a, int lda, bool transposeA, float* b, int ldb, bool transposeB, float* c, int ldc, bool accumulate)
    {
        if (transposeB)
        {
            var packed = new float[checked(n * k)];
            fixed (float* rows = packed)
            {
                Pack(n, k, b, ldb, true, rows);
                Multiply(m, n, k, a, lda, transposeA, rows, n, false, c, ldc, accumulate);
            }
            return;
        }
        for (var i = 0; i < m; i++)
        {
            var row = c + (long)i * ldc;
            if (!accumulate)
                new Span<float>(row, n).Clear();
            for (var p = 0; p < k; p++)
                AddScaled(transposeA ? a[(long)p * lda + i] : a[(long)i * lda + p], b + (long)p * ldb, row, n);
        }
    }

    public static void Pack(int n, int k, float* b, int ldb, bool transposeB, float* packed)
    {
        for (var p = 0; p < k; p++)
        {
            for (var j = 0; j < n; j++)
                packed[(long)p * n + j] = transposeB ? b[(long)j * ldb + p] : b[(long)p * ldb + j];
        }
    }

    private static void AddScaled(float factor, float* x, float* y, int n)
    {
        var (i, wide) = (0, new Vector<float>(factor));
        for (; i + Vector<float>.Count <= n; i += Vector<float>.Count)
            Vector.Store(Vector.FusedMultiplyAdd(wide, Vector.Load(x + i), Vector.Load(y + i)), y + i);
        for (; i < n; i++)
            y[i] = MathF.FusedMultiplyAdd(factor, x[i], y[i]);
    }
}
