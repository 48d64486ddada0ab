using T2.Kernels.Native;

namespace T2.Kernels;

/// <summary>
/// Products of row-major fp32 matrices on the caller's thread: native where the native kernels are, else plain C#. A result sums its k products in order of
/// depth, so it does not depend on how C is cut into calls.
/// </summary>
public static unsafe class Sgemm
{
    private static readonly bool s_native = NativeKernel.IsAvailable;

    /// <summary>Whether the native kernels do the work.</summary>
    public static bool IsNative => s_native;

    /// <summary>C = A·B, or C += A·B.</summary>
    /// <param name="m">Rows of C.</param>
    /// <param name="n">Columns of C.</param>
    /// <param name="k">Depth.</param>
    /// <param name="a">m×k, or k×m if transposed.</param>
    /// <param name="lda">Distance of a's rows in values.</param>
    /// <param name="transposeA">Whether A is stored transposed.</param>
    /// <param name="b">k×n, or n×k if transposed.</param>
    /// <param name="ldb">Distance of b's rows.</param>
    /// <param name="transposeB">Whether B is stored transposed.</param>
    /// <param name="c">m×n; must not overlap a or b.</param>
    /// <param name="ldc">Distance of c's rows.</param>
    /// <param name="accumulate">Whether C is added to.</param>
    /// <exception cref="ArgumentException">A dimension is not positive, or rows overlap.</exception>
    public static void Multiply(int m, int n, int k, float* a, int lda, bool transposeA, float* b, int ldb, bool transposeB, float* c, int ldc, bool accumulate)
    {
        if (s_native)
            NativeKernel.Check(NativeMethods.Sgemm(transposeA ? 1 : 0, transposeB ? 1 : 0, m, n, k, a, lda, b, ldb, accumulate ? 1 : 0, c, ldc), CancellationToken.None);
        else
            ManagedSgemm.Multiply(m, n, k, a, lda, transposeA, b, ldb, transposeB, c, ldc, accumulate);
    }

    /// <summary>The same on spans, whose lengths are checked.</summary>
    /// <exception cref="ArgumentException">A span is too short, or a dimension not positive.</exception>
    public static void Multiply(
        int m, int n, int k, ReadOnlySpan<float> a, int lda, bool transposeA, ReadOnlySpan<float> b, int ldb, bool transposeB, Span<float> c, int ldc, bool accumulate)
    {
        Require(a.Length, transposeA ? k : m, transposeA ? m : k, lda, nameof(a));
        Require(b.Length, transposeB ? n : k, transposeB ? k : n, ldb, nameof(b));
        Require(c.Length, m, n, ldc, nameof(c));
        fixed (float* pa = a, pb = b, pc = c)
            Multiply(m, n, k, pa, lda, transposeA, pb, ldb, transposeB, pc, ldc, accumulate);
    }

    /// <summary>Values that a packed B of k×n takes.</summary>
    public static long PackedLength(int n, int k) => s_native ? NativeMethods.SgemmPackedLength(n, k) : (long)n * k;

    /// <summary>Packs a B that will be used often.</summary>
    /// <param name="n">Columns of B.</param>
    /// <param name="k">Depth.</param>
    /// <param name="b">k×n, or n×k if transposed.</param>
    /// <param name="ldb">Distance of b's rows.</param>
    /// <param name="transposeB">Whether B is stored transposed.</param>
    /// <param name="packed">Receives <see cref="PackedLength"/> values.</param>
    /// <exception cref="ArgumentException">A dimension is not positive, or rows overlap.</exception>
    public static void Pack(int n, int k, float* b, int ldb, bool transposeB, float* packed)
    {
        if (s_native)
            NativeKernel.Check(NativeMethods.SgemmPack(transposeB ? 1 : 0, n, k, b, ldb, packed), CancellationToken.None);
        else
            ManagedSgemm.Pack(n, k, b, ldb, transposeB, packed);
    }

    /// <summary>C = A·B, or C += A·B, with a packed B.</summary>
    /// <param name="m">Rows of C.</param>
    /// <param name="n">Columns of C, as packed.</param>
    /// <param name="k">Depth, as packed.</param>
    /// <param name="a">m×k.</param>
    /// <param name="lda">Distance of a's rows.</param>
    /// <param name="packed">What <see cref="Pack"/> gave.</param>
    /// <param name="c">m×n; must not overlap a.</param>
    /// <param name="ldc">Distance of c's rows.</param>
    /// <param name="accumulate">Whether C is added to.</param>
    /// <exception cref="ArgumentException">A dimension is not positive, or rows overlap.</exception>
    public static void MultiplyPacked(int m, int n, int k, float* a, int lda, float* packed, float* c, int ldc, bool accumulate)
    {
        if (s_native)
            NativeKernel.Check(NativeMethods.SgemmPacked(0, m, n, k, a, lda, packed, accumulate ? 1 : 0, c, ldc), CancellationToken.None);
        else
            ManagedSgemm.Multiply(m, n, k, a, lda, false, packed, n, false, c, ldc, accumulate);
    }

    private static void Require(int length, int rows, int columns, int ld, string what)
    {
        if (rows < 1 || columns < 1 || ld < columns || length < (long)(rows - 1) * ld + columns)
            throw new ArgumentException($"{length} values with rows {ld} apart do not hold {rows}×{columns}.", what);
    }
}
