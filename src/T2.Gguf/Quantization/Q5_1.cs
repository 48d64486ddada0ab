using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace T2.Gguf.Quantization;

/// <summary>
/// Q5_1: 32 values in 24 bytes. value[i] = d · q[i] + m.
/// <list type="bullet">
/// <item>0: d, half</item>
/// <item>2: m, half</item>
/// <item>4: 4 bytes, little-endian; bit i is bit 4 of q[i]</item>
/// <item>8: 16 bytes; byte j holds the low four bits of q[j] in its low and of q[j + 16] in its high four bits</item>
/// </list>
/// Stored with m = least value and d = (greatest − least) / 31.
/// </summary>
internal static unsafe class Q5_1
{
    private const int Bytes = 24;

    public static void Dequantize(byte* source, float* destination, int blocks)
    {
        for (var block = 0; block < blocks; block++, source += Bytes, destination += SimpleBlock.Length)
        {
            var d = HalfBits.ToSingle(Unsafe.ReadUnaligned<ushort>(source));
            var m = HalfBits.ToSingle(Unsafe.ReadUnaligned<ushort>(source + 2));
            var (lowBits, highBits) = BitPacking.UnpackFifthBits(Unsafe.ReadUnaligned<uint>(source + 4));
            var (low, high) = BitPacking.UnpackNibbles(source + 8);
            Codes.Expand(low | lowBits, d, m, destination);
            Codes.Expand(high | highBits, d, m, destination + 16);
        }
    }

    public static void Quantize(float* source, byte* destination, int blocks)
    {
        for (var block = 0; block < blocks; block++, source += SimpleBlock.Length, destination += Bytes)
        {
            SimpleBlock.Range(source, out var min, out var max);
            var d = (max - min) / 31;
            var codes = SimpleBlock.Assign(source, min, d != 0 ? 1 / d : 0, 0.5f, 31);
            Unsafe.WriteUnaligned(destination, HalfBits.FromSingle(d));
            Unsafe.WriteUnaligned(destination + 2, HalfBits.FromSingle(min));
            Unsafe.WriteUnaligned(destination + 4, BitPacking.PackFifthBits(codes));
            BitPacking.PackNibbles(codes).Store(destination + 8);
        }
    }
}
