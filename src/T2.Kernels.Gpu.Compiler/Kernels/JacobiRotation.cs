using System.Numerics;
using System.Runtime.CompilerServices;
using ILGPU;

namespace T2.Kernels.Gpu.Compiler;

/// <summary>
/// Second kernel of a round: adds up a pair's Gram matrix from its parts (in fp64), diagonalises it by parallel cyclic Jacobi in shared memory, and leaves
/// the orthogonal 32×32 matrix Q for which the vectors Q·X are closer to orthogonal. Also reports how far from orthogonal they were:
/// max |g_ij| / √((g_ii + floor)(g_jj + floor)), where floor keeps vectors that are mere rounding noise from counting.
/// <para>
/// Grid: pairs; 256 threads. A step rotates 16 disjoint index pairs; thread t owns the 2×2 block of pairs (t / 16, t mod 16) of G and two columns of a row
/// pair of Q. Rotations of at most 45° (the cyclic method converges with them). 2 inner sweeps: more do not save outer ones.
/// </para>
/// </summary>
internal static class JacobiRotation
{
    private const int Side = KernelShape.JacobiPair;
    private const int Stride = Side + 1;
    private const int Pairs = Side / 2;
    private const int InnerSweeps = 2;

    public static void Run<T, TReal>(ArrayView<T> parts, int partCount, T floor, ArrayView<T> rotations, ArrayView<T> offsets, int firstOffset)
        where T : unmanaged, INumber<T>
        where TReal : struct, IReal<T>
    {
        var g = SharedMemory.Allocate<T>(Side * Stride);
        var q = SharedMemory.Allocate<T>(Side * Stride);
        var cosines = SharedMemory.Allocate<T>(Pairs);
        var sines = SharedMemory.Allocate<T>(Pairs);
        var worst = SharedMemory.Allocate<T>(KernelShape.Threads);
        var thread = Group.IdxX;

        for (var i = thread; i < Side * Side; i += KernelShape.Threads)
        {
            var sum = 0d;
            for (var part = 0; part < partCount; part++)
                sum += TReal.ToDouble(parts[(((Grid.IdxX * partCount) + part) << 10) + i]);
            g[((i >> 5) * Stride) + (i & 31)] = TReal.From(sum);
            q[((i >> 5) * Stride) + (i & 31)] = i >> 5 == (i & 31) ? T.One : T.Zero;
        }
        Group.Barrier();

        var offset = T.Zero;
        for (var i = thread; i < Side * Side; i += KernelShape.Threads)
        {
            var row = i >> 5;
            var column = i & 31;
            if (row < column)
            {
                var scale = TReal.Sqrt(g[(row * Stride) + row] + floor) * TReal.Sqrt(g[(column * Stride) + column] + floor);
                var size = scale == T.Zero ? T.Zero : TReal.Abs(g[(row * Stride) + column]) / scale;
                offset = size > offset ? size : offset;
            }
        }
        worst[thread] = offset;
        for (var width = KernelShape.Threads / 2; width > 0; width >>= 1)
        {
            Group.Barrier();
            if (thread < width && worst[thread + width] > worst[thread])
                worst[thread] = worst[thread + width];
        }
        if (thread == 0)
            offsets[firstOffset + Grid.IdxX] = worst[0];

        for (var step = 0; step < InnerSweeps * (Side - 1); step++)
        {
            var round = step < Side - 1 ? step : step - (Side - 1);
            if (thread < Pairs)
                Angle<T, TReal>(g, Tournament.First(thread, round, Side), Tournament.Second(thread, round, Side), cosines, sines, thread);
            Group.Barrier();
            RotateBothSides(g, round, thread >> 4, thread & 15, cosines, sines);
            RotateRows(q, round, thread >> 4, thread & 15, cosines, sines);
            Group.Barrier();
        }

        for (var i = thread; i < Side * Side; i += KernelShape.Threads)
            rotations[(Grid.IdxX << 10) + i] = q[((i >> 5) * Stride) + (i & 31)];
    }

    /// <summary>The rotation of at most 45° that makes g[p, r] zero.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Angle<T, TReal>(ArrayView<T> g, int p, int r, ArrayView<T> cosines, ArrayView<T> sines, int pair)
        where T : unmanaged, INumber<T>
        where TReal : struct, IReal<T>
    {
        var between = g[(p * Stride) + r];
        var cosine = T.One;
        var sine = T.Zero;
        if (between != T.Zero)
        {
            var cotangent = (g[(r * Stride) + r] - g[(p * Stride) + p]) / (between + between);
            var size = TReal.Abs(cotangent);
            // Beyond this the square would overflow or change nothing.
            var tangent = T.One / (size > TReal.From(1e15f) ? size + size : size + TReal.Sqrt(T.One + (size * size)));
            tangent = cotangent < T.Zero ? -tangent : tangent;
            cosine = T.One / TReal.Sqrt(T.One + (tangent * tangent));
            sine = tangent * cosine;
        }
        cosines[pair] = cosine;
        sines[pair] = sine;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void RotateBothSides<T>(ArrayView<T> g, int round, int rowPair, int columnPair, ArrayView<T> cosines, ArrayView<T> sines)
        where T : unmanaged, INumber<T>
    {
        var rowP = Tournament.First(rowPair, round, Side) * Stride;
        var rowR = Tournament.Second(rowPair, round, Side) * Stride;
        var columnP = Tournament.First(columnPair, round, Side);
        var columnR = Tournament.Second(columnPair, round, Side);
        T c = cosines[rowPair], s = sines[rowPair];
        T pp = g[rowP + columnP], pr = g[rowP + columnR], rp = g[rowR + columnP], rr = g[rowR + columnR];
        T leftPP = (c * pp) - (s * rp), leftPR = (c * pr) - (s * rr);
        T leftRP = (s * pp) + (c * rp), leftRR = (s * pr) + (c * rr);
        c = cosines[columnPair];
        s = sines[columnPair];
        g[rowP + columnP] = (c * leftPP) - (s * leftPR);
        g[rowP + columnR] = (s * leftPP) + (c * leftPR);
        g[rowR + columnP] = (c * leftRP) - (s * leftRR);
        g[rowR + columnR] = (s * leftRP) + (c * leftRR);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void RotateRows<T>(ArrayView<T> q, int round, int rowPair, int column, ArrayView<T> cosines, ArrayView<T> sines)
        where T : unmanaged, INumber<T>
    {
        var rowP = Tournament.First(rowPair, round, Side) * Stride;
        var rowR = Tournament.Second(rowPair, round, Side) * Stride;
        T c = cosines[rowPair], s = sines[rowPair];
        for (var j = column; j < Side; j += Pairs)
        {
            T p = q[rowP + j], r = q[rowR + j];
            q[rowP + j] = (c * p) - (s * r);
            q[rowR + j] = (s * p) + (c * r);
        }
    }
}
