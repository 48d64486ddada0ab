using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace T2.Gguf.Quantization;

/// <summary>
/// IEEE half precision to and from single precision, on bits. Rounds to nearest even as <see cref="Half"/> does, but treats NaNs as ggml does: stored as
/// sign and 0x7E00, read with their payload and made quiet. The same arithmetic serves one value and eight, so that both give the same bits.
/// .NET has no F16C instructions, hence the arithmetic: it moves the exponent by multiplying with powers of two.
/// </summary>
internal static class HalfBits
{
    private const uint SignBit = 0x8000_0000;
    private const uint Infinity = 0xFF00_0000; // single-precision infinity without its sign, shifted left by one
    private const uint QuietNaN = 0x7E00;
    private const uint SmallestNormal = 0x7100_0000; // exponent of 2^-14, the smallest normal half, shifted left by one

    private static float TwoToMinus112 => BitConverter.UInt32BitsToSingle(0x0780_0000);
    private static float TwoTo112 => BitConverter.UInt32BitsToSingle(0x7780_0000);
    private static float TwoToMinus110 => BitConverter.UInt32BitsToSingle(0x0880_0000);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float ToSingle(ushort half)
    {
        var shifted = (uint)half << 17; // exponent and mantissa at the top
        var normal = BitConverter.UInt32BitsToSingle((shifted >> 4) + 0x7000_0000) * TwoToMinus112;
        var subnormal = BitConverter.UInt32BitsToSingle((shifted >> 17) | 0x3F00_0000) - 0.5f;
        var magnitude = BitConverter.SingleToUInt32Bits(shifted < 0x0800_0000 ? subnormal : normal);
        return BitConverter.UInt32BitsToSingle(magnitude | (((uint)half << 16) & SignBit));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ushort FromSingle(float value)
    {
        var bits = BitConverter.SingleToUInt32Bits(value);
        var shifted = bits << 1;
        // Values beyond the range of half overflow to infinity here; adding a power of two then rounds at the right bit.
        var scaled = MathF.Abs(value) * TwoTo112 * TwoToMinus110;
        var exponent = Math.Max(shifted & Infinity, SmallestNormal);
        var rounded = BitConverter.SingleToUInt32Bits(BitConverter.UInt32BitsToSingle((exponent >> 1) + 0x0780_0000) + scaled);
        var magnitude = ((rounded >> 13) & 0x7C00) + (rounded & 0x0FFF);
        return (ushort)(((bits & SignBit) >> 16) | (shifted > Infinity ? QuietNaN : magnitude));
    }

    /// <param name="half">Halves, each in the low 16 bits of its lane.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> ToSingle(Vector256<uint> half)
    {
        var shifted = half << 17;
        var normal = ((shifted >>> 4) + Vector256.Create(0x7000_0000u)).AsSingle() * TwoToMinus112;
        var subnormal = ((shifted >>> 17) | Vector256.Create(0x3F00_0000u)).AsSingle() - Vector256.Create(0.5f);
        var isSubnormal = Vector256.LessThan(shifted, Vector256.Create(0x0800_0000u));
        var magnitude = Vector256.ConditionalSelect(isSubnormal, subnormal.AsUInt32(), normal.AsUInt32());
        return (magnitude | ((half << 16) & Vector256.Create(SignBit))).AsSingle();
    }

    /// <returns>Halves, each in the low 16 bits of its lane.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> FromSingle(Vector256<float> value)
    {
        var bits = value.AsUInt32();
        var shifted = bits << 1;
        var scaled = Vector256.Abs(value) * TwoTo112 * TwoToMinus110;
        var exponent = Vector256.Max(shifted & Vector256.Create(Infinity), Vector256.Create(SmallestNormal));
        var rounded = (((exponent >>> 1) + Vector256.Create(0x0780_0000u)).AsSingle() + scaled).AsUInt32();
        var magnitude = ((rounded >>> 13) & Vector256.Create(0x7C00u)) + (rounded & Vector256.Create(0x0FFFu));
        var isNaN = Vector256.GreaterThan(shifted, Vector256.Create(Infinity));
        return ((bits & Vector256.Create(SignBit)) >>> 16) | Vector256.ConditionalSelect(isNaN, Vector256.Create(QuietNaN), magnitude);
    }
}
