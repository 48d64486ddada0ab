using System.Runtime.Intrinsics;

namespace T2.Gguf.Quantization;

/// <summary>F16: one IEEE half-precision float per value, 2 bytes, little-endian. Rounds to nearest even.</summary>
internal static unsafe class F16
{
    public static void Dequantize(ushort* source, float* destination, int count)
    {
        var i = 0;
        for (; i <= count - 16; i += 16)
        {
            var (low, high) = Vector256.Widen(Vector256.Load(source + i));
            HalfBits.ToSingle(low).Store(destination + i);
            HalfBits.ToSingle(high).Store(destination + i + 8);
        }
        for (; i < count; i++)
            destination[i] = HalfBits.ToSingle(source[i]);
    }

    public static void Quantize(float* source, ushort* destination, int count)
    {
        var i = 0;
        for (; i <= count - 16; i += 16)
        {
            var low = HalfBits.FromSingle(Vector256.Load(source + i));
            var high = HalfBits.FromSingle(Vector256.Load(source + i + 8));
            Vector256.Narrow(low, high).Store(destination + i);
        }
        for (; i < count; i++)
            destination[i] = HalfBits.FromSingle(source[i]);
    }
}
