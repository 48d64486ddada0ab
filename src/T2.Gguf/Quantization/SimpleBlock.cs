using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace T2.Gguf.Quantization;

/// <summary>What the formats with blocks of 32 values share: scanning a block for its range and mapping its values onto codes.</summary>
internal static unsafe class SimpleBlock
{
    public const int Length = 32;

    /// <summary>Largest |x|. NaNs count as nothing.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float LargestMagnitude(float* x)
    {
        var largest = Vector256<float>.Zero;
        for (var i = 0; i < Length; i += 8)
        {
            var magnitude = Vector256.Abs(Vector256.Load(x + i));
            largest = Vector256.ConditionalSelect(Vector256.GreaterThan(magnitude, largest), magnitude, largest);
        }
        return MaxAcross(largest);
    }

    /// <summary>The first value of largest magnitude, with its sign; +0 where there is none.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Extreme(float* x)
    {
        var largest = LargestMagnitude(x);
        if (largest == 0)
            return 0;
        var i = 0;
        uint equal;
        while ((equal = Vector256.Equals(Vector256.Abs(Vector256.Load(x + i)), Vector256.Create(largest)).ExtractMostSignificantBits()) == 0)
            i += 8;
        return x[i + BitOperations.TrailingZeroCount(equal)];
    }

    /// <summary>Least and greatest value. NaNs count as nothing. Zeros keep the sign of the block's first zero, which shows in the stored minimum.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Range(float* x, out float min, out float max)
    {
        var least = Vector256.Create(float.MaxValue);
        var greatest = Vector256.Create(float.MinValue);
        for (var i = 0; i < Length; i += 8)
        {
            var value = Vector256.Load(x + i);
            least = Vector256.ConditionalSelect(Vector256.LessThan(value, least), value, least);
            greatest = Vector256.ConditionalSelect(Vector256.GreaterThan(value, greatest), value, greatest);
        }
        min = -MaxAcross(-least);
        max = MaxAcross(greatest);
        if (min == 0 || max == 0)
        {
            var zero = FirstZero(x);
            min = min == 0 ? zero : min;
            max = max == 0 ? zero : max;
        }
    }

    /// <summary>32 codes min(⌊(x − min) · inverseScale + bias⌋, maxCode) of values that lie at or above the code for 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Assign(float* x, float min, float inverseScale, float bias, int maxCode) => Codes.Pack(
        Assign8(x, min, inverseScale, bias, maxCode),
        Assign8(x + 8, min, inverseScale, bias, maxCode),
        Assign8(x + 16, min, inverseScale, bias, maxCode),
        Assign8(x + 24, min, inverseScale, bias, maxCode));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Assign8(float* x, float min, float inverseScale, float bias, int maxCode)
    {
        var scaled = (Vector256.Load(x) - Vector256.Create(min)) * inverseScale + Vector256.Create(bias);
        return Vector256.Min(Codes.Truncate(scaled), Vector256.Create(maxCode));
    }

    /// <summary>Low four bits of codes 0..15 in the low nibbles, of codes 16..31 in the high ones.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> PackNibbles(Vector256<byte> codes) =>
        (codes.GetLower() & Vector128.Create((byte)0x0F)) | (codes.GetUpper() << 4);

    /// <summary>The inverse of <see cref="PackNibbles"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector128<byte> Low, Vector128<byte> High) UnpackNibbles(byte* packed)
    {
        var bytes = Vector128.Load(packed);
        return (bytes & Vector128.Create((byte)0x0F), bytes >>> 4);
    }

    /// <summary>Bit 4 of each code; code i gives bit i.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint PackFifthBits(Vector256<byte> codes) => (codes << 3).ExtractMostSignificantBits();

    /// <summary>Sixteen where the code's bit is set, else zero, for codes 0..15 and 16..31.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector128<byte> Low, Vector128<byte> High) UnpackFifthBits(uint bits) => (Spread((ushort)bits), Spread((ushort)(bits >> 16)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> Spread(ushort bits)
    {
        var eachByte = Vector128.Create((byte)bits, (byte)bits, (byte)bits, (byte)bits, (byte)bits, (byte)bits, (byte)bits, (byte)bits,
            (byte)(bits >> 8), (byte)(bits >> 8), (byte)(bits >> 8), (byte)(bits >> 8), (byte)(bits >> 8), (byte)(bits >> 8), (byte)(bits >> 8), (byte)(bits >> 8));
        var bitOfLane = Vector128.Create((byte)1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128);
        return Vector128.Equals(eachByte & bitOfLane, bitOfLane) & Vector128.Create((byte)16);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float MaxAcross(Vector256<float> lanes)
    {
        var four = Greater(lanes.GetLower(), lanes.GetUpper());
        var two = Greater(four, Vector128.Shuffle(four, Vector128.Create(2, 3, 0, 1)));
        return Greater(two, Vector128.Shuffle(two, Vector128.Create(1, 0, 3, 2))).ToScalar();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Greater(Vector128<float> a, Vector128<float> b) => Vector128.ConditionalSelect(Vector128.GreaterThan(a, b), a, b);

    private static float FirstZero(float* x)
    {
        while (*x != 0)
            x++;
        return *x;
    }
}
