using System.Runtime.CompilerServices;
using ILGPU;

namespace T2.Kernels.Gpu.Compiler;

/// <summary>A type without blocks, which can also be written a value at a time.</summary>
internal interface IPlainFormat : IBlockFormat
{
    /// <summary>Stores a value at byte <paramref name="offset"/>.</summary>
    static abstract void Write(ArrayView<byte> destination, int offset, float value);
}

/// <summary>Single precision.</summary>
internal readonly struct F32 : IPlainFormat
{
    public static int Length => 1;

    public static int Bytes => 4;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Read(ArrayView<byte> source, int block, int index) => source.Cast<float>()[block >> 2];

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Write(ArrayView<byte> destination, int offset, float value) => destination.Cast<float>()[offset >> 2] = value;
}

/// <summary>IEEE half precision.</summary>
internal readonly struct F16 : IPlainFormat
{
    public static int Length => 1;

    public static int Bytes => 2;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Read(ArrayView<byte> source, int block, int index) => Bits.HalfToFloat(source.Cast<ushort>()[block >> 1]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Write(ArrayView<byte> destination, int offset, float value) => destination.Cast<ushort>()[offset >> 1] = (ushort)(Bits.FloatToHalf(value) & 0xFFFFu);
}

/// <summary>The upper half of a single.</summary>
internal readonly struct BF16 : IPlainFormat
{
    public static int Length => 1;

    public static int Bytes => 2;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Read(ArrayView<byte> source, int block, int index) => Interop.IntAsFloat((uint)source.Cast<ushort>()[block >> 1] << 16);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Write(ArrayView<byte> destination, int offset, float value) => destination.Cast<ushort>()[offset >> 1] = (ushort)(Bits.FloatToBFloat(value) & 0xFFFFu);
}
