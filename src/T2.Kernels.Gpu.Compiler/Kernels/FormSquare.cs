using ILGPU;

namespace T2.Kernels.Gpu.Compiler;

/// <summary>
/// S = Σₖ (z_k − 1)·b_k·b_kᵀ over the rows b_k of the basis whose z is not 1: the symmetric r×r matrix of the rebuild W + W·S or W + S·W. Rows whose z is 1
/// cost nothing. Blocks above the diagonal return at once; those below also store their mirror image.
/// <para>
/// Basis r×r row-major; <c>selected</c> holds the row numbers, <c>delta</c> their z − 1. Grid: ⌈r / 64⌉²; 256 threads; fp32 sums:
/// |error| ≤ (count + 1)·ε·Σ|z−1||b||b|.
/// </para>
/// </summary>
internal static class FormSquare
{
    public static void Run(ArrayView<float> basis, ArrayView<int> selected, ArrayView<float> delta, ArrayView<float> square, int rank, int count)
    {
        if (Grid.IdxX > Grid.IdxY)
            return;
        var left = new ScaledRows { Values = basis, Rows = selected, Scales = delta, Stride = rank, Count = rank, Depth = count };
        var right = new SelectedRows { Values = basis, Rows = selected, Stride = rank, Count = rank, Depth = count };
        var firstRow = Grid.IdxY * KernelShape.Tile;
        var firstColumn = Grid.IdxX * KernelShape.Tile;
        var sums = TileProduct.Compute<float, ScaledRows, SelectedRows>(left, right, firstRow, firstColumn, count);
        TileStore.Run(sums, 1f, false, square, rank, rank, rank, firstRow, firstColumn);
        if (Grid.IdxX < Grid.IdxY)
            TileStore.Mirror(sums, square, rank, rank, firstRow, firstColumn);
    }
}
