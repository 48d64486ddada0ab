using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace T2.Gguf.Quantization;

/// <summary>
/// BF16: the upper 16 bits of a single-precision float, 2 bytes per value, little-endian. Rounds to nearest even; a NaN keeps the upper bits of its payload
/// and is made quiet.
/// </summary>
internal static unsafe class BF16
{
    private const uint Infinity = 0x7F80_0000;
    private const uint QuietBit = 0x0040;

    public static void Dequantize(ushort* source, float* destination, int count)
    {
        var i = 0;
        for (; i <= count - 16; i += 16)
        {
            var (low, high) = Vector256.Widen(Vector256.Load(source + i));
            (low << 16).AsSingle().Store(destination + i);
            (high << 16).AsSingle().Store(destination + i + 8);
        }
        for (; i < count; i++)
            destination[i] = BitConverter.UInt32BitsToSingle((uint)source[i] << 16);
    }

    public static void Quantize(float* source, ushort* destination, int count)
    {
        var i = 0;
        for (; i <= count - 16; i += 16)
            Vector256.Narrow(Round(Vector256.Load(source + i)), Round(Vector256.Load(source + i + 8))).Store(destination + i);
        for (; i < count; i++)
        {
            var bits = BitConverter.SingleToUInt32Bits(source[i]);
            destination[i] = (bits & 0x7FFF_FFFF) > Infinity
                ? (ushort)((bits >> 16) | QuietBit)
                : (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<uint> Round(Vector256<float> value)
    {
        var bits = value.AsUInt32();
        var top = bits >>> 16;
        var rounded = (bits + Vector256.Create(0x7FFFu) + (top & Vector256<uint>.One)) >>> 16;
        var isNaN = Vector256.GreaterThan(bits & Vector256.Create(0x7FFF_FFFFu), Vector256.Create(Infinity));
        return Vector256.ConditionalSelect(isNaN, top | Vector256.Create(QuietBit), rounded);
    }
}
