using System.Numerics;
using System.Runtime.CompilerServices;

namespace T2.Kernels;

/// <summary>
/// Householder reduction of a symmetric matrix to tridiagonal form, A = Q·T·Qᵀ with Q = H₀·H₁·…, H_k = I − τ_k·v_k·v_kᵀ (Golub and Van Loan, §8.3.1).
/// Works on whole rows: the rank-two update of one step and the matrix-vector product of the next share one pass over the trailing rows.
/// </summary>
internal static unsafe class Tridiagonal
{
    /// <summary>Below this many remaining values a step is too short to be worth spreading over threads.</summary>
    private const int ParallelThreshold = 1 << 15;

    /// <param name="matrix">A, n×n, both triangles. On return row k holds v_k from column k+1 on.</param>
    /// <param name="n">Order of A, ≥ 1.</param>
    /// <param name="diagonal">Receives the n diagonal values of T.</param>
    /// <param name="offDiagonal">Receives the n−1 values beside the diagonal; the last is set to 0.</param>
    /// <param name="tau">Receives τ_k, n values.</param>
    /// <param name="work">Threads, and the cancellation: checked at every step.</param>
    public static void Reduce(double* matrix, int n, double* diagonal, double* offDiagonal, double* tau, ParallelWork work)
    {
        using var scratch = new PinnedBuffer<double>(4L * n);
        scratch.Span.Clear();
        double* v = scratch.Pointer, w = v + n, nextV = w + n, nextW = nextV + n;

        for (var k = 0; k < n; k++)
        {
            work.Cancellation.ThrowIfCancellationRequested();
            var row = matrix + ((nint)k * n);
            Update(row + k, v + k, w + k, v[k], w[k], n - k);
            diagonal[k] = row[k];
            if (k == n - 1)
            {
                offDiagonal[k] = tau[k] = 0;
                break;
            }

            var length = n - k - 1;
            (offDiagonal[k], tau[k]) = Reflector(row + k + 1, length);
            new Span<double>(row + k + 1, length).CopyTo(new Span<double>(nextV + k + 1, length));
            UpdateAndMultiply(matrix, n, k + 1, v, w, nextV, nextW, work);

            var dot = Dot(nextW + k + 1, nextV + k + 1, length);
            for (var j = k + 1; j < n; j++)
                nextW[j] = tau[k] * (nextW[j] - (0.5 * tau[k] * dot * nextV[j]));
            double* spareV = v, spareW = w;
            v = nextV;
            w = nextW;
            nextV = spareV;
            nextW = spareW;
        }
    }

    /// <summary>Writes Qᵀ, n×n, from the reflectors <see cref="Reduce"/> left in the matrix.</summary>
    public static void FormTransposedQ(double* matrix, int n, double* tau, double* transposedQ, ParallelWork work)
    {
        const int Block = 4;
        work.For(TileProduct.Count(n, Block), block =>
        {
            // Row i of Qᵀ is eᵢ·H_{n-1}·…·H₀, and H_k leaves eᵢ alone for k ≥ i: each row needs no other row.
            int first = block * Block, rows = Math.Min(Block, n - first);
            var target = transposedQ + ((nint)first * n);
            new Span<double>(target, rows * n).Clear();
            for (var i = 0; i < rows; i++)
                target[((nint)i * n) + first + i] = 1;
            for (var k = Math.Min(first + rows - 2, n - 2); k >= 0; k--)
            {
                if (tau[k] == 0)
                    continue;
                var reflector = matrix + ((nint)k * n) + k + 1;
                if (rows == Block)
                    ReflectFour(target + k + 1, n, reflector, tau[k], n - k - 1);
                else
                {
                    for (var i = 0; i < rows; i++)
                        Reflect(target + ((nint)i * n) + k + 1, reflector, tau[k], n - k - 1);
                }
            }
        });
    }

    /// <summary>Turns x into v with v₀ = 1 such that (I − τ·v·vᵀ)·x = β·e₀, and returns (β, τ); τ = 0 where x is already a multiple of e₀.</summary>
    private static (double Beta, double Tau) Reflector(double* x, int length)
    {
        var tail = Dot(x + 1, x + 1, length - 1);
        var alpha = x[0];
        x[0] = 1;
        if (tail == 0)
            return (alpha, 0);
        var beta = -Math.CopySign(Math.Sqrt((alpha * alpha) + tail), alpha);
        var scale = 1 / (alpha - beta);
        for (var j = 1; j < length; j++)
            x[j] *= scale;
        return (beta, (beta - alpha) / beta);
    }

    /// <summary>For the rows from <paramref name="first"/> on: row −= v·wᵀ + w·vᵀ, and product = row·nextV.</summary>
    private static void UpdateAndMultiply(
        double* matrix, int n, int first, double* v, double* w, double* nextV, double* product, ParallelWork work)
    {
        var length = n - first;
        var chunks = (long)length * length < ParallelThreshold ? 1 : work.Threads;
        work.For(chunks, chunk =>
        {
            var end = first + (int)((long)length * (chunk + 1) / chunks);
            for (var i = first + (int)((long)length * chunk / chunks); i < end; i++)
            {
                var row = matrix + ((nint)i * n) + first;
                product[i] = UpdateAndDot(row, v + first, w + first, v[i], w[i], nextV + first, length);
            }
        });
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static double UpdateAndDot(double* row, double* v, double* w, double rowV, double rowW, double* next, int length)
    {
        Vector<double> vectorV = new(-rowV), vectorW = new(-rowW), sum0 = default, sum1 = default;
        var step = Vector<double>.Count;
        var j = 0;
        for (; j <= length - (2 * step); j += 2 * step)
        {
            var value0 = Vector.MultiplyAddEstimate(vectorV, Vector.Load(w + j), Vector.Load(row + j));
            var value1 = Vector.MultiplyAddEstimate(vectorV, Vector.Load(w + j + step), Vector.Load(row + j + step));
            value0 = Vector.MultiplyAddEstimate(vectorW, Vector.Load(v + j), value0);
            value1 = Vector.MultiplyAddEstimate(vectorW, Vector.Load(v + j + step), value1);
            value0.Store(row + j);
            value1.Store(row + j + step);
            sum0 = Vector.MultiplyAddEstimate(value0, Vector.Load(next + j), sum0);
            sum1 = Vector.MultiplyAddEstimate(value1, Vector.Load(next + j + step), sum1);
        }
        var sum = Vector.Sum(sum0 + sum1);
        for (; j < length; j++)
        {
            row[j] -= (rowV * w[j]) + (rowW * v[j]);
            sum += row[j] * next[j];
        }
        return sum;
    }

    private static void Update(double* row, double* v, double* w, double rowV, double rowW, int length)
    {
        for (var j = 0; j < length; j++)
            row[j] -= (rowV * w[j]) + (rowW * v[j]);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static double Dot(double* x, double* y, int length)
    {
        Vector<double> sum0 = default, sum1 = default;
        var step = Vector<double>.Count;
        var j = 0;
        for (; j <= length - (2 * step); j += 2 * step)
        {
            sum0 = Vector.MultiplyAddEstimate(Vector.Load(x + j), Vector.Load(y + j), sum0);
            sum1 = Vector.MultiplyAddEstimate(Vector.Load(x + j + step), Vector.Load(y + j + step), sum1);
        }
        var sum = Vector.Sum(sum0 + sum1);
        for (; j < length; j++)
            sum += x[j] * y[j];
        return sum;
    }

    private static void Reflect(double* row, double* v, double tau, int length)
    {
        var factor = tau * Dot(row, v, length);
        for (var j = 0; j < length; j++)
            row[j] -= factor * v[j];
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void ReflectFour(double* row0, nint stride, double* v, double tau, int length)
    {
        double* row1 = row0 + stride, row2 = row1 + stride, row3 = row2 + stride;
        Vector<double> sum0 = default, sum1 = default, sum2 = default, sum3 = default;
        var step = Vector<double>.Count;
        var whole = length - (length % step);
        for (var j = 0; j < whole; j += step)
        {
            var value = Vector.Load(v + j);
            sum0 = Vector.MultiplyAddEstimate(Vector.Load(row0 + j), value, sum0);
            sum1 = Vector.MultiplyAddEstimate(Vector.Load(row1 + j), value, sum1);
            sum2 = Vector.MultiplyAddEstimate(Vector.Load(row2 + j), value, sum2);
            sum3 = Vector.MultiplyAddEstimate(Vector.Load(row3 + j), value, sum3);
        }
        double dot0 = Vector.Sum(sum0), dot1 = Vector.Sum(sum1), dot2 = Vector.Sum(sum2), dot3 = Vector.Sum(sum3);
        for (var j = whole; j < length; j++)
        {
            dot0 += row0[j] * v[j];
            dot1 += row1[j] * v[j];
            dot2 += row2[j] * v[j];
            dot3 += row3[j] * v[j];
        }
        Vector<double> factor0 = new(-tau * dot0), factor1 = new(-tau * dot1), factor2 = new(-tau * dot2), factor3 = new(-tau * dot3);
        for (var j = 0; j < whole; j += step)
        {
            var value = Vector.Load(v + j);
            Vector.MultiplyAddEstimate(factor0, value, Vector.Load(row0 + j)).Store(row0 + j);
            Vector.MultiplyAddEstimate(factor1, value, Vector.Load(row1 + j)).Store(row1 + j);
            Vector.MultiplyAddEstimate(factor2, value, Vector.Load(row2 + j)).Store(row2 + j);
            Vector.MultiplyAddEstimate(factor3, value, Vector.Load(row3 + j)).Store(row3 + j);
        }
        for (var j = whole; j < length; j++)
        {
            row0[j] -= tau * dot0 * v[j];
            row1[j] -= tau * dot1 * v[j];
            row2[j] -= tau * dot2 * v[j];
            row3[j] -= tau * dot3 * v[j];
        }
    }
}
