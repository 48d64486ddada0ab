using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace T2.Gguf.Quantization;

/// <summary>
/// Steps that the block formats share between floats and byte codes. Each lane does what ggml's scalar code does to one value, operation by operation and
/// without fused multiply-adds, so the vectors change the speed and not the bits.
/// </summary>
internal static unsafe class Codes
{
    // Adding 1.5 * 2^23 leaves the nearest integer (ties to even) in the low mantissa bits.
    private const float RoundingBias = 12582912f;

    /// <summary>Nearest integer of a value within ±4194303. Beyond that, and for NaN, the result is arbitrary but the same as ggml's.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Nearest(float value) => (BitConverter.SingleToInt32Bits(value + RoundingBias) & 0x007F_FFFF) - 0x0040_0000;

    /// <inheritdoc cref="Nearest(float)"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> Nearest(Vector512<float> value) =>
        ((value + Vector512.Create(RoundingBias)).AsInt32() & Vector512.Create(0x007F_FFFF)) - Vector512.Create(0x0040_0000);

    /// <summary><see cref="Nearest(Vector512{float})"/>, kept within bounds.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> Nearest(Vector512<float> value, int low, int high) =>
        Vector512.Max(Vector512.Create(low), Vector512.Min(Vector512.Create(high), Nearest(value)));

    /// <summary>Nearest integers as floats, kept within bounds; for values that are surely within ±4194303.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> NearestInRange(Vector512<float> value, int low, int high)
    {
        // Floats of one sign and exponent compare as their bits do.
        var biased = (value + Vector512.Create(RoundingBias)).AsInt32();
        var bits = BitConverter.SingleToInt32Bits(RoundingBias);
        biased = Vector512.Max(Vector512.Create(bits + low), Vector512.Min(Vector512.Create(bits + high), biased));
        return biased.AsSingle() - Vector512.Create(RoundingBias);
    }

    /// <summary>
    /// Drops the fraction. What does not fit an int becomes int.MinValue on x86, whose low bits are zero: the block formats then store code 0, as ggml does there.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Truncate(Vector256<float> value) => Vector256.ConvertToInt32Native(value);

    /// <summary>Packs the low bytes of 32 ints in order.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Pack(Vector256<int> a, Vector256<int> b, Vector256<int> c, Vector256<int> d) =>
        Vector256.Narrow(Vector256.Narrow(a, b), Vector256.Narrow(c, d)).AsByte();

    /// <summary>Packs the low bytes of 16 ints in order.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Pack(Vector512<int> codes)
    {
        if (Avx512F.IsSupported)
            return Avx512F.ConvertToVector128Byte(codes);
        var words = Vector256.Narrow(codes.GetLower(), codes.GetUpper());
        return Vector128.Narrow(words.GetLower(), words.GetUpper()).AsByte();
    }

    /// <summary>Writes 16 values (code − zero) · scale.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Expand(Vector128<byte> codes, int zero, float scale, float* destination)
    {
        var (low, high) = Widen(codes);
        (Vector256.ConvertToSingle(low - Vector256.Create(zero)) * scale).Store(destination);
        (Vector256.ConvertToSingle(high - Vector256.Create(zero)) * scale).Store(destination + 8);
    }

    /// <summary>Writes 16 values code · scale + offset.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Expand(Vector128<byte> codes, float scale, float offset, float* destination)
    {
        var (low, high) = Widen(codes);
        (Vector256.ConvertToSingle(low) * scale + Vector256.Create(offset)).Store(destination);
        (Vector256.ConvertToSingle(high) * scale + Vector256.Create(offset)).Store(destination + 8);
    }

    /// <summary>
    /// Codes of one sub-block for a known scale and offset: nearest((x + offset) / scale) within [low, high], stored from 0. <paramref name="length"/> is a multiple of 16.
    /// </summary>
    public static void Assign(float* x, int length, float scale, float offset, int low, int high, byte* codes)
    {
        for (var i = 0; i < length; i += 16)
        {
            var code = Nearest((Vector512.Load(x + i) + Vector512.Create(offset)) / scale, low, high);
            Pack(code - Vector512.Create(low)).Store(codes + i);
        }
    }

    /// <summary>The 16 codes as ints.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector256<int> Low, Vector256<int> High) Widen(Vector128<byte> codes)
    {
        if (Avx2.IsSupported)
            return (Avx2.ConvertToVector256Int32(codes), Avx2.ConvertToVector256Int32(Vector128.CreateScalarUnsafe(codes.AsUInt64().GetElement(1)).AsByte()));
        var (low, high) = Vector128.Widen(codes);
        return (Vector256.Create(Vector128.WidenLower(low), Vector128.WidenUpper(low)).AsInt32(), Vector256.Create(Vector128.WidenLower(high), Vector128.WidenUpper(high)).AsInt32());
    }
}
