using ILGPU;

namespace T2.Kernels.Gpu.Compiler;

/// <summary>How a tensor-core operand stores a value.</summary>
internal interface IOperandFormat
{
    /// <summary>Bytes per value.</summary>
    static abstract int Bytes { get; }

    /// <summary>Stores a value, rounded, as value <paramref name="index"/>.</summary>
    static abstract void Write(ArrayView<byte> destination, int index, float value);
}

/// <summary>Half precision: 11 bits of mantissa, magnitudes to 65504.</summary>
internal readonly struct HalfOperand : IOperandFormat
{
    public static int Bytes => 2;

    public static void Write(ArrayView<byte> destination, int index, float value) => destination.Cast<ushort>()[index] = (ushort)(Bits.FloatToHalf(value) & 0xFFFFu);
}

/// <summary>bfloat16: 8 bits of mantissa, single's range.</summary>
internal readonly struct BFloatOperand : IOperandFormat
{
    public static int Bytes => 2;

    public static void Write(ArrayView<byte> destination, int index, float value) => destination.Cast<ushort>()[index] = (ushort)(Bits.FloatToBFloat(value) & 0xFFFFu);
}

/// <summary>tf32: 11 bits of mantissa, single's range, in a 32-bit word.</summary>
internal readonly struct Tf32Operand : IOperandFormat
{
    public static int Bytes => 4;

    public static void Write(ArrayView<byte> destination, int index, float value) => destination.Cast<uint>()[index] = Bits.FloatToTf32(value);
}

/// <summary>
/// Rounds fp32 rows to a tensor-core operand and pads them with zeros to whole tiles, so that the product itself has no tails. One thread per value of the
/// padded operand. Grid: ⌈padded columns / 256⌉ × any number of rows (each block strides over rows). Strides in values.
/// </summary>
internal static class PackOperand
{
    public static void Run<TFormat>(ArrayView<float> source, int sourceStride, int rows, int columns, ArrayView<byte> destination, int paddedRows, int paddedColumns)
        where TFormat : struct, IOperandFormat
    {
        var column = (Grid.IdxX * KernelShape.Threads) + Group.IdxX;
        if (column >= paddedColumns)
            return;
        for (var row = Grid.IdxY; row < paddedRows; row += Grid.DimY)
        {
            var value = row < rows && column < columns ? source[(row * sourceStride) + column] : 0f;
            TFormat.Write(destination, (row * paddedColumns) + column, value);
        }
    }
}
