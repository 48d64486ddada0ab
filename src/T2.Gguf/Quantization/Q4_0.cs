using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace T2.Gguf.Quantization;

/// <summary>
/// Q4_0: 32 values in 18 bytes. value[i] = d · (q[i] − 8).
/// <list type="bullet">
/// <item>0: d, half</item>
/// <item>2: 16 bytes; byte j holds q[j] in its low and q[j + 16] in its high four bits</item>
/// </list>
/// Stored with d = extreme / −8, where extreme is the value of largest magnitude with its sign: that value gets code 0 exactly.
/// </summary>
internal static unsafe class Q4_0
{
    private const int Bytes = 18;

    public static void Dequantize(byte* source, float* destination, int blocks)
    {
        for (var block = 0; block < blocks; block++, source += Bytes, destination += SimpleBlock.Length)
        {
            var d = HalfBits.ToSingle(Unsafe.ReadUnaligned<ushort>(source));
            var (low, high) = BitPacking.UnpackNibbles(source + 2);
            Codes.Expand(low, 8, d, destination);
            Codes.Expand(high, 8, d, destination + 16);
        }
    }

    public static void Quantize(float* source, byte* destination, int blocks)
    {
        for (var block = 0; block < blocks; block++, source += SimpleBlock.Length, destination += Bytes)
        {
            var d = SimpleBlock.Extreme(source) / -8;
            var codes = SimpleBlock.Assign(source, 0, d != 0 ? 1 / d : 0, 8.5f, 15);
            Unsafe.WriteUnaligned(destination, HalfBits.FromSingle(d));
            BitPacking.PackNibbles(codes).Store(destination + 2);
        }
    }
}
