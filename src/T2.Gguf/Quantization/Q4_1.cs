using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace T2.Gguf.Quantization;

/// <summary>
/// Q4_1: 32 values in 20 bytes. value[i] = d · q[i] + m.
/// <list type="bullet">
/// <item>0: d, half</item>
/// <item>2: m, half</item>
/// <item>4: 16 bytes; byte j holds q[j] in its low and q[j + 16] in its high four bits</item>
/// </list>
/// Stored with m = least value and d = (greatest − least) / 15.
/// </summary>
internal static unsafe class Q4_1
{
    private const int Bytes = 20;

    public static void Dequantize(byte* source, float* destination, int blocks)
    {
        for (var block = 0; block < blocks; block++, source += Bytes, destination += SimpleBlock.Length)
        {
            var d = HalfBits.ToSingle(Unsafe.ReadUnaligned<ushort>(source));
            var m = HalfBits.ToSingle(Unsafe.ReadUnaligned<ushort>(source + 2));
            var (low, high) = BitPacking.UnpackNibbles(source + 4);
            Codes.Expand(low, d, m, destination);
            Codes.Expand(high, d, m, destination + 16);
        }
    }

    public static void Quantize(float* source, byte* destination, int blocks)
    {
        for (var block = 0; block < blocks; block++, source += SimpleBlock.Length, destination += Bytes)
        {
            SimpleBlock.Range(source, out var min, out var max);
            var d = (max - min) / 15;
            var codes = SimpleBlock.Assign(source, min, d != 0 ? 1 / d : 0, 0.5f, 15);
            Unsafe.WriteUnaligned(destination, HalfBits.FromSingle(d));
            Unsafe.WriteUnaligned(destination + 2, HalfBits.FromSingle(min));
            BitPacking.PackNibbles(codes).Store(destination + 4);
        }
    }
}
