using System.Runtime.CompilerServices;
using ILGPU;

namespace T2.Kernels.Gpu.Compiler;

/// <summary>
/// C += A·B on tensor cores: A m×k and B k×n in f16, bf16 or tf32, padded with zeros to whole tiles; C fp32, m×n, not padded. The rebuild: C is W,
/// A and B are W and S (or S and W) rounded; because C starts as W itself, rounding the operands costs accuracy only in proportion to z − 1.
/// <para>
/// A block of 256 threads forms a 128×128 tile, 8 warps as 2×4, a warp 64×32 in 4×4 fragments of 16×8. Depth goes by 64 bytes (32 halves or 16 words) in
/// two buffers filled by cp.async: while one is multiplied the next is on its way. Shared rows are padded by 16 bytes (A: 80, B: 272 or 544), which puts
/// the eight rows that ldmatrix reads at once into different banks. 37,888 bytes of shared memory: two blocks fit a multiprocessor without opting in to
/// more than 48 KB; a third stage would need that.
/// </para>
/// <para>
/// Grid: padded n / 128 × padded m / 128. Sums in fp32 (tensor cores truncate when they align addends):
/// |error| ≤ (2u + depth·2⁻²³)·Σₖ|A||B|, u = 2⁻¹¹ for f16 and tf32, 2⁻⁸ for bf16.
/// </para>
/// </summary>
internal static class MmaProduct
{
    public const int StrideA = 80;
    public const int StageA = KernelShape.MmaTile * StrideA;
    public const int StageBytes = StageA + 8704;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Run<TCore>(TCore core, int strideA, int strideB, int strideC, int rows, int columns, int steps)
        where TCore : struct, ITensorCore
    {
        var thread = Group.IdxX;
        var lane = thread & 31;
        var warpRow = ((thread >> 5) & 1) << 6;
        var warpColumn = (thread >> 6) << 5;
        var firstRow = Grid.IdxY * KernelShape.MmaTile;
        var firstColumn = Grid.IdxX * KernelShape.MmaTile;

        CopyTiles(ref core, 0, 0, strideA, strideB, firstRow, thread);
        for (var step = 0; step < steps; step++)
        {
            var stage = (step & 1) * StageBytes;
            core.AwaitCopies();
            // Now everyone's copies have landed, and no one still reads the other buffer.
            Group.Barrier();
            if (step + 1 < steps)
                CopyTiles(ref core, StageBytes - stage, step + 1, strideA, strideB, firstRow, thread);
            // ldmatrix takes its 16 row addresses for a fragment from lanes 0–15, those of the second half of the depth from lanes 16–31.
            var a = stage + ((warpRow + (lane & 15)) * StrideA) + ((lane >> 4) << 4);
            core.Load(a, stage + StageA, 0, warpColumn, lane);
            core.Multiply();
            core.Load(a + 32, stage + StageA, 1, warpColumn, lane);
            core.Multiply();
        }

        var row = firstRow + warpRow + (lane >> 2);
        var column = firstColumn + warpColumn + ((lane & 3) << 1);
        StoreRow(ref core, 0, strideC, rows, columns, row, column);
        StoreRow(ref core, 16, strideC, rows, columns, row + 16, column);
        StoreRow(ref core, 32, strideC, rows, columns, row + 32, column);
        StoreRow(ref core, 48, strideC, rows, columns, row + 48, column);
    }

    /// <summary>512 chunks of 16 bytes of A's tile (4 a row) and of B's (16 or 32 a row): two of each per thread.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void CopyTiles<TCore>(ref TCore core, int stage, int step, int strideA, int strideB, int firstRow, int thread)
        where TCore : struct, ITensorCore
    {
        CopyChunkA(ref core, stage, step, strideA, firstRow, thread);
        CopyChunkA(ref core, stage, step, strideA, firstRow, thread + KernelShape.Threads);
        CopyChunkB(ref core, stage, step, strideB, thread);
        CopyChunkB(ref core, stage, step, strideB, thread + KernelShape.Threads);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void CopyChunkA<TCore>(ref TCore core, int stage, int step, int strideA, int firstRow, int chunk)
        where TCore : struct, ITensorCore
    {
        var row = chunk >> 2;
        var place = (chunk & 3) << 4;
        core.CopyA(stage + (row * StrideA) + place, ((long)(firstRow + row) * strideA) + (step * KernelShape.MmaDepthBytes) + place);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void CopyChunkB<TCore>(ref TCore core, int stage, int step, int strideB, int chunk)
        where TCore : struct, ITensorCore
    {
        // Chunks per row are 16 or 32 and rows per step the other, so that a step is 512 chunks.
        var rowBytes = TCore.ChunksPerRowB << 4;
        var row = (int)((uint)chunk / (uint)TCore.ChunksPerRowB);
        var place = (chunk & (TCore.ChunksPerRowB - 1)) << 4;
        var depth = (step * (512 / TCore.ChunksPerRowB)) + row;
        core.CopyB(stage + StageA + (row * (rowBytes + (rowBytes >> 4))) + place, ((long)depth * strideB) + (Grid.IdxX * rowBytes) + place);
    }

    /// <summary>Four fragments side by side, their sums from <paramref name="first"/> on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreRow<TCore>(ref TCore core, int first, int stride, int rows, int columns, int row, int column)
        where TCore : struct, ITensorCore
    {
        StoreFragment(ref core, first, stride, rows, columns, row, column);
        StoreFragment(ref core, first + 4, stride, rows, columns, row, column + 8);
        StoreFragment(ref core, first + 8, stride, rows, columns, row, column + 16);
        StoreFragment(ref core, first + 12, stride, rows, columns, row, column + 24);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreFragment<TCore>(ref TCore core, int first, int stride, int rows, int columns, int row, int column)
        where TCore : struct, ITensorCore
    {
        Add(ref core, first, stride, rows, columns, row, column);
        Add(ref core, first + 1, stride, rows, columns, row, column + 1);
        Add(ref core, first + 2, stride, rows, columns, row + 8, column);
        Add(ref core, first + 3, stride, rows, columns, row + 8, column + 1);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add<TCore>(ref TCore core, int index, int stride, int rows, int columns, int row, int column)
        where TCore : struct, ITensorCore
    {
        if (row < rows && column < columns)
            core.AddSum(index, (row * stride) + column);
    }
}
