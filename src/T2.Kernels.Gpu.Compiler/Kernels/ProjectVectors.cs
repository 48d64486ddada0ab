using ILGPU;

namespace T2.Kernels.Gpu.Compiler;

/// <summary>
/// X = E·Wᵥ in fp64 from the fp32 weight, where Wᵥ's rows are the vectors to be made orthogonal: W's rows (U is kept) or its columns (V is kept). E is
/// rank×rank, X rank×length, all row-major. Starts the fp64 sweeps from W itself, so that the rounding of the fp32 sweeps is forgotten.
/// <para>Grid: ⌈length / 64⌉ × ⌈rank / 64⌉; 256 threads; tile and error bound as <see cref="TileProduct"/>.</para>
/// </summary>
internal static class ProjectVectors
{
    public static void Rows(ArrayView<double> e, ArrayView<float> weight, ArrayView<double> x, int rank, int length)
    {
        var left = new DepthContiguous<double> { Values = e, Stride = rank, Count = rank, Depth = rank };
        var right = new WidenedRows { Values = weight, Stride = length, Count = length, Depth = rank };
        var sums = TileProduct.Compute<double, DepthContiguous<double>, WidenedRows>(left, right, Grid.IdxY * KernelShape.Tile, Grid.IdxX * KernelShape.Tile, rank);
        TileStore.Run(sums, 1d, false, x, length, rank, length, Grid.IdxY * KernelShape.Tile, Grid.IdxX * KernelShape.Tile);
    }

    public static void Columns(ArrayView<double> e, ArrayView<float> weight, ArrayView<double> x, int rank, int length)
    {
        var left = new DepthContiguous<double> { Values = e, Stride = rank, Count = rank, Depth = rank };
        var right = new WidenedColumns { Values = weight, Stride = rank, Count = length, Depth = rank };
        var sums = TileProduct.Compute<double, DepthContiguous<double>, WidenedColumns>(left, right, Grid.IdxY * KernelShape.Tile, Grid.IdxX * KernelShape.Tile, rank);
        TileStore.Run(sums, 1d, false, x, length, rank, length, Grid.IdxY * KernelShape.Tile, Grid.IdxX * KernelShape.Tile);
    }
}
