using System.Numerics;
using ILGPU;

namespace T2.Kernels.Gpu.Compiler;

/// <summary>
/// C = onto·C + factor·A·B, with A m×k, B k×n, C m×n, all row-major with strides in values; onto is 0 or 1. In fp32 the rebuild where there are no tensor
/// cores (C is W: W += W_copy·S or W += S·W_copy); in fp64 the refinement of singular vectors. C overlaps neither A nor B.
/// <para>Grid: ⌈n / 64⌉ × ⌈m / 64⌉; 256 threads; the tile and its error bound are <see cref="TileProduct"/>'s.</para>
/// </summary>
internal static class AddProduct
{
    public static void Run<T>(ArrayView<T> a, int strideA, ArrayView<T> b, int strideB, ArrayView<T> c, int strideC, int rows, int columns, int depth, T factor, int onto)
        where T : unmanaged, INumber<T>
    {
        var left = new DepthContiguous<T> { Values = a, Stride = strideA, Count = rows, Depth = depth };
        var right = new IndexContiguous<T> { Values = b, Stride = strideB, Count = columns, Depth = depth };
        var firstRow = Grid.IdxY * KernelShape.Tile;
        var firstColumn = Grid.IdxX * KernelShape.Tile;
        var sums = TileProduct.Compute<T, DepthContiguous<T>, IndexContiguous<T>>(left, right, firstRow, firstColumn, depth);
        TileStore.Run(sums, factor, onto != 0, c, strideC, rows, columns, firstRow, firstColumn);
    }
}
