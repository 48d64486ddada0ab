namespace T2.Kernels.Tests;

/// <summary>Products of the native kernels, where they are, and of plain C#, against sums in fp64.</summary>
public unsafe class SgemmTests
{
    public static TheoryData<int, int, int> Shapes => new() { { 1, 1, 1 }, { 5, 7, 3 }, { 13, 33, 270 }, { 40, 530, 17 } };

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Both_ways_multiply_every_orientation(int m, int n, int k)
    {
        for (var orientation = 0; orientation < 8; orientation++)
        {
            var (transposeA, transposeB, accumulate) = ((orientation & 1) != 0, (orientation & 2) != 0, (orientation & 4) != 0);
            var (lda, ldb, ldc) = ((transposeA ? m : k) + 1, (transposeB ? k : n) + 2, n + 3);
            var a = TestMatrix.Normal(new(transposeA ? k : m, lda), seed: 1);
            var b = TestMatrix.Normal(new(transposeB ? n : k, ldb), seed: 2);
            var start = TestMatrix.Normal(new(m, ldc), seed: 3);
            float[] dispatched = [.. start], managed = [.. start], packed = [.. start];
            Sgemm.Multiply(m, n, k, a, lda, transposeA, b, ldb, transposeB, dispatched.AsSpan(), ldc, accumulate);
            fixed (float* pa = a, pb = b, pm = managed, pp = packed, buffer = new float[Sgemm.PackedLength(n, k)])
            {
                ManagedSgemm.Multiply(m, n, k, pa, lda, transposeA, pb, ldb, transposeB, pm, ldc, accumulate);
                Sgemm.Pack(n, k, pb, ldb, transposeB, buffer);
                if (!transposeA)
                    Sgemm.MultiplyPacked(m, n, k, pa, lda, buffer, pp, ldc, accumulate);
            }
            for (var i = 0; i < m; i++)
            {
                for (var j = 0; j < ldc; j++)
                {
                    var (sum, size) = (j >= n || accumulate ? (double)start[i * ldc + j] : 0, 1.0);
                    for (var p = 0; p < k && j < n; p++)
                    {
                        var product = (double)(transposeA ? a[p * lda + i] : a[i * lda + p]) * (transposeB ? b[j * ldb + p] : b[p * ldb + j]);
                        sum += product;
                        size += Math.Abs(product);
                    }
                    Assert.Equal(sum, dispatched[i * ldc + j], 1e-6 * size);
                    Assert.Equal(sum, managed[i * ldc + j], 1e-6 * size);
                    if (!transposeA)
                        Assert.Equal(dispatched[i * ldc + j], packed[i * ldc + j]);
                }
            }
        }
    }

    [Fact]
    public void Spans_that_are_too_short_are_refused()
    {
        var x = new float[6];
        Assert.Equal("b", Assert.Throws<ArgumentException>(() => Sgemm.Multiply(2, 3, 3, x, 3, false, x, 3, false, new float[6].AsSpan(), 3, false)).ParamName);
        Assert.Equal("c", Assert.Throws<ArgumentException>(() => Sgemm.Multiply(2, 2, 3, x, 3, false, x, 2, false, new float[3].AsSpan(), 2, false)).ParamName);
        Assert.Equal("a", Assert.Throws<ArgumentException>(() => Sgemm.Multiply(2, 2, 3, x, 2, false, x, 2, false, new float[4].AsSpan(), 2, false)).ParamName);
    }
}
