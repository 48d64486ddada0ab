using ILGPU;

namespace T2.Kernels.Gpu.Compiler;

/// <summary>Stores fp32 rows as F32, F16 or BF16 with ggml's rounding. Grid and strides as <see cref="Dequantize"/>, with source and destination exchanged.</summary>
internal static class StorePlain
{
    public static void Run<TFormat>(ArrayView<float> source, int sourceStride, ArrayView<byte> destination, int destinationStride, int destinationFirst, int rows, int columns)
        where TFormat : struct, IPlainFormat
    {
        var column = (Grid.IdxX * KernelShape.Threads) + Group.IdxX;
        if (column >= columns)
            return;
        for (var row = Grid.IdxY; row < rows; row += Grid.DimY)
            TFormat.Write(destination, (row * destinationStride) + destinationFirst + (column * TFormat.Bytes), source[(row * sourceStride) + column]);
    }
}
