using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace T2.Gguf.Quantization;

/// <summary>
/// Q8_0: 32 values in 34 bytes. value[i] = d · q[i].
/// <list type="bullet">
/// <item>0: d, half</item>
/// <item>2: 32 signed bytes q</item>
/// </list>
/// Stored with d = largest magnitude / 127; codes round to nearest, halves away from zero.
/// </summary>
internal static unsafe class Q8_0
{
    private const int Bytes = 34;

    public static void Dequantize(byte* source, float* destination, int blocks)
    {
        var signBits = Vector128.Create((byte)0x80);
        for (var block = 0; block < blocks; block++, source += Bytes, destination += SimpleBlock.Length)
        {
            var d = HalfBits.ToSingle(Unsafe.ReadUnaligned<ushort>(source));
            // Flipping the sign bit makes the signed byte q the unsigned byte q + 128.
            Codes.Expand(Vector128.Load(source + 2) ^ signBits, 128, d, destination);
            Codes.Expand(Vector128.Load(source + 18) ^ signBits, 128, d, destination + 16);
        }
    }

    public static void Quantize(float* source, byte* destination, int blocks)
    {
        for (var block = 0; block < blocks; block++, source += SimpleBlock.Length, destination += Bytes)
        {
            var d = SimpleBlock.LargestMagnitude(source) / 127;
            var inverse = d != 0 ? 1 / d : 0;
            Unsafe.WriteUnaligned(destination, HalfBits.FromSingle(d));
            Codes.Pack(Round(source, inverse), Round(source + 8, inverse), Round(source + 16, inverse), Round(source + 24, inverse)).Store(destination + 2);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Round(float* x, float inverse)
    {
        var scaled = Vector256.Load(x) * inverse;
        // The largest float below one half: adding a full half would carry 0.49999997 up to 1.
        var half = Vector256.Create(0.49999997f) | (scaled & Vector256.Create(-0.0f));
        return Codes.Truncate(scaled + half);
    }
}
