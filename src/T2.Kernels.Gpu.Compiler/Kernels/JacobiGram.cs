using System.Numerics;
using ILGPU;

namespace T2.Kernels.Gpu.Compiler;

/// <summary>
/// First of the three kernels of a round of block one-sided Jacobi: for every pair of blocks, the 32×32 Gram matrix of the pair's 32 vectors,
/// G[i, j] = Σₖ x_i[k]·x_j[k], in parts. A block of 256 threads covers <c>span</c> elements of the vectors; its four groups of 64 threads take every fourth
/// element each and own 4×4 sums a thread, so a block yields four parts. The parts are added up by <see cref="JacobiRotation"/> in fp64.
/// <para>
/// Grid: ⌈length / span⌉ × pairs; parts[((pair·gridX + x)·4 + group)·1024 + 32·i + j]. Sums in T over span / 4 elements:
/// |error| ≤ (span / 4)·ε·Σ|x_i||x_j|, 64·ε for the usual span of 256.
/// </para>
/// </summary>
internal static class JacobiGram
{
    private const int Depth = 32;
    private const int Stride = KernelShape.JacobiPair + 4;

    public static void Run<T>(ArrayView<T> x, int length, int span, int round, int blocks, ArrayView<T> parts)
        where T : unmanaged, INumber<T>
    {
        var tile = SharedMemory.Allocate<T>(Depth * Stride);
        var quads = tile.Cast<Quad<T>>();
        var first = Tournament.First(Grid.IdxY, round, blocks) * KernelShape.JacobiBlock;
        var second = (Tournament.Second(Grid.IdxY, round, blocks) - 1) * KernelShape.JacobiBlock;

        var thread = Group.IdxX;
        var group = thread >> 6;
        var placeRow = (thread & 63) >> 3;
        var placeColumn = thread & 7;
        var lane = thread & 31;
        var sums = default(Sums4x4<T>);
        var start = Grid.IdxX * span;
        for (var k = start; k < start + span; k += Depth)
        {
            for (var i = thread >> 5; i < KernelShape.JacobiPair; i += 8)
            {
                var row = i + (i < KernelShape.JacobiBlock ? first : second);
                tile[(lane * Stride) + i] = k + lane < length ? x[(row * length) + k + lane] : T.Zero;
            }
            Group.Barrier();
            for (var step = group; step < Depth; step += 8)
            {
                sums.Add(quads[(step * (Stride >> 2)) + placeRow], quads[(step * (Stride >> 2)) + placeColumn]);
                sums.Add(quads[((step + 4) * (Stride >> 2)) + placeRow], quads[((step + 4) * (Stride >> 2)) + placeColumn]);
            }
            Group.Barrier();
        }

        var part = ((((Grid.IdxY * Grid.DimX) + Grid.IdxX) << 2) + group) << 8;
        var output = parts.Cast<Quad<T>>();
        output[part + ((placeRow << 2) << 3) + placeColumn] = sums.Row0;
        output[part + (((placeRow << 2) + 1) << 3) + placeColumn] = sums.Row1;
        output[part + (((placeRow << 2) + 2) << 3) + placeColumn] = sums.Row2;
        output[part + (((placeRow << 2) + 3) << 3) + placeColumn] = sums.Row3;
    }
}
