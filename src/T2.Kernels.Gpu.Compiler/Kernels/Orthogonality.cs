using System.Numerics;
using ILGPU;

namespace T2.Kernels.Gpu.Compiler;

/// <summary>
/// R = I − E·Eᵀ for E with <c>count</c> rows of <c>depth</c> values: how far rows are from orthonormal. E + ½·R·E is then orthonormal to R's square (one
/// Newton–Schulz step). Blocks above the diagonal return at once; those below also store their mirror image.
/// <para>Grid: ⌈count / 64⌉²; 256 threads; tile and error bound as <see cref="TileProduct"/>.</para>
/// </summary>
internal static class Orthogonality
{
    public static void Run<T>(ArrayView<T> e, int stride, ArrayView<T> r, int strideR, int count, int depth)
        where T : unmanaged, INumber<T>
    {
        if (Grid.IdxX > Grid.IdxY)
            return;
        var operand = new DepthContiguous<T> { Values = e, Stride = stride, Count = count, Depth = depth };
        var firstRow = Grid.IdxY * KernelShape.Tile;
        var firstColumn = Grid.IdxX * KernelShape.Tile;
        var sums = TileProduct.Compute<T, DepthContiguous<T>, DepthContiguous<T>>(operand, operand, firstRow, firstColumn, depth);
        sums.Negate();
        if (Grid.IdxX == Grid.IdxY)
        {
            // A thread's 4×4 sums hold ones of the identity only on the diagonal of the thread grid.
            if (Group.IdxX >> 4 == (Group.IdxX & 15))
                sums.AddIdentity();
        }
        else
        {
            TileStore.Mirror(sums, r, strideR, count, firstRow, firstColumn);
        }
        TileStore.Run(sums, T.One, false, r, strideR, count, count, firstRow, firstColumn);
    }
}
