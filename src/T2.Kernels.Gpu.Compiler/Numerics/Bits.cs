using System.Runtime.CompilerServices;
using ILGPU;

namespace T2.Kernels.Gpu.Compiler;

/// <summary>
/// Conversions on bits, the same on every back end: halves are converted by integer arithmetic because PoCL has no fp16, and because ggml's own C code,
/// whose bits the quantisers must give, does it so. ILGPU 1.5.3 turns <c>(byte)(int)f</c> into a saturating conversion and <c>MathF.Round</c> into nothing
/// on CUDA; neither is used anywhere, and quotients of negative numbers are written as shifts.
/// </summary>
internal static class Bits
{
    /// <summary>Reads a little-endian half at <paramref name="offset"/>, which need not be aligned.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float HalfAt(ArrayView<byte> source, int offset) => HalfToFloat((uint)(source[offset] | (source[offset + 1] << 8)));

    /// <summary>Writes a little-endian half at <paramref name="offset"/>, which need not be aligned.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreHalf(ArrayView<byte> destination, int offset, uint half)
    {
        destination[offset] = (byte)(half & 255);
        destination[offset + 1] = (byte)((half >> 8) & 255);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float HalfToFloat(uint half)
    {
        var shifted = half << 17;
        var normal = Interop.IntAsFloat((shifted >> 4) + 0x7000_0000u) * Interop.IntAsFloat(0x0780_0000u);
        var subnormal = Interop.IntAsFloat((shifted >> 17) | 0x3F00_0000u) - 0.5f;
        var magnitude = Interop.FloatAsInt(shifted < 0x0800_0000u ? subnormal : normal);
        return Interop.IntAsFloat(magnitude | ((half << 16) & 0x8000_0000u));
    }

    /// <summary>Rounds to nearest even; beyond 65504 to infinity; a NaN to its sign and 0x7E00.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint FloatToHalf(float value)
    {
        var bits = Interop.FloatAsInt(value);
        var shifted = bits << 1;
        var scaled = Interop.IntAsFloat(bits & 0x7FFF_FFFFu) * Interop.IntAsFloat(0x7780_0000u) * Interop.IntAsFloat(0x0880_0000u);
        var exponent = shifted & 0xFF00_0000u;
        exponent = exponent < 0x7100_0000u ? 0x7100_0000u : exponent;
        var rounded = Interop.FloatAsInt(Interop.IntAsFloat((exponent >> 1) + 0x0780_0000u) + scaled);
        var magnitude = ((rounded >> 13) & 0x7C00u) + (rounded & 0x0FFFu);
        return ((bits & 0x8000_0000u) >> 16) | (shifted > 0xFF00_0000u ? 0x7E00u : magnitude);
    }

    /// <summary>Rounds to nearest even; a NaN keeps its upper bits and is made quiet.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint FloatToBFloat(float value)
    {
        var bits = Interop.FloatAsInt(value);
        return (bits & 0x7FFF_FFFFu) > 0x7F80_0000u ? (bits >> 16) | 0x40u : (bits + 0x7FFFu + ((bits >> 16) & 1u)) >> 16;
    }

    /// <summary>Rounds to the 10 bits of mantissa that a tf32 multiplicand keeps, to nearest, halves away from zero (what <c>cvt.rna.tf32.f32</c> does).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint FloatToTf32(float value) => (Interop.FloatAsInt(value) + 0x1000u) & 0xFFFF_E000u;

    /// <summary>Nearest integer of |value| ≤ 2²², halves to even: adding 1.5·2²³ leaves it in the mantissa.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Nearest(float value) => (int)(Interop.FloatAsInt(value + 12582912f) & 0x007F_FFFFu) - 0x0040_0000;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Abs(float value) => Interop.IntAsFloat(Interop.FloatAsInt(value) & 0x7FFF_FFFFu);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Clamp(int value, int low, int high) => value < low ? low : value > high ? high : value;

    /// <summary>Sign-extends a byte.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Signed(byte value) => (value ^ 128) - 128;
}
