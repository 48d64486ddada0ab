using ILGPU;

namespace T2.Kernels.Gpu.Compiler;

/// <summary>
/// W[i, j] = value j of row i, from any ggml type to fp32. The bits are those of ggml's <c>to_float</c>: one thread per value, no sums, no fused operations.
/// <para>
/// Grid: ⌈columns / 256⌉ × any number of rows (each block strides over rows); 256 threads. Destination row stride in values, source row stride and the
/// first block's place in a row in bytes, so that a panel of columns can be read. Memory-bound; a tile in shared memory was not worth it, the bytes of a
/// block come from one cache line.
/// </para>
/// </summary>
internal static class Dequantize
{
    public static void Run<TFormat>(ArrayView<byte> source, int sourceStride, int sourceFirst, ArrayView<float> destination, int destinationStride, int rows, int columns)
        where TFormat : struct, IBlockFormat
    {
        var column = (Grid.IdxX * KernelShape.Threads) + Group.IdxX;
        if (column >= columns)
            return;
        // Block lengths are powers of two, known to the compiler; columns are not negative.
        var block = sourceFirst + ((int)((uint)column / (uint)TFormat.Length) * TFormat.Bytes);
        var index = column & (TFormat.Length - 1);
        for (var row = Grid.IdxY; row < rows; row += Grid.DimY)
            destination[(row * destinationStride) + column] = TFormat.Read(source, (row * sourceStride) + block, index);
    }
}
