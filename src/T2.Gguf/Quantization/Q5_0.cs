using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace T2.Gguf.Quantization;

/// <summary>
/// Q5_0: 32 values in 22 bytes. value[i] = d · (q[i] − 16).
/// <list type="bullet">
/// <item>0: d, half</item>
/// <item>2: 4 bytes, little-endian; bit i is bit 4 of q[i]</item>
/// <item>6: 16 bytes; byte j holds the low four bits of q[j] in its low and of q[j + 16] in its high four bits</item>
/// </list>
/// Stored with d = extreme / −16, where extreme is the value of largest magnitude with its sign.
/// </summary>
internal static unsafe class Q5_0
{
    private const int Bytes = 22;

    public static void Dequantize(byte* source, float* destination, int blocks)
    {
        for (var block = 0; block < blocks; block++, source += Bytes, destination += SimpleBlock.Length)
        {
            var d = HalfBits.ToSingle(Unsafe.ReadUnaligned<ushort>(source));
            var (lowBits, highBits) = BitPacking.UnpackFifthBits(Unsafe.ReadUnaligned<uint>(source + 2));
            var (low, high) = BitPacking.UnpackNibbles(source + 6);
            Codes.Expand(low | lowBits, 16, d, destination);
            Codes.Expand(high | highBits, 16, d, destination + 16);
        }
    }

    public static void Quantize(float* source, byte* destination, int blocks)
    {
        for (var block = 0; block < blocks; block++, source += SimpleBlock.Length, destination += Bytes)
        {
            var d = SimpleBlock.Extreme(source) / -16;
            var codes = SimpleBlock.Assign(source, 0, d != 0 ? 1 / d : 0, 16.5f, 31);
            Unsafe.WriteUnaligned(destination, HalfBits.FromSingle(d));
            Unsafe.WriteUnaligned(destination + 2, BitPacking.PackFifthBits(codes));
            BitPacking.PackNibbles(codes).Store(destination + 6);
        }
    }
}
