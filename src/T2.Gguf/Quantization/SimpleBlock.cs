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
            largest = LaneReductions.Greater(largest, Vector256.Abs(Vector256.Load(x + i)));
        return LaneReductions.Max(largest);
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
            greatest = LaneReductions.Greater(greatest, value);
        }
        min = -LaneReductions.Max(-least);
        max = LaneReductions.Max(greatest);
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

    private static float FirstZero(float* x)
    {
        while (*x != 0)
            x++;
        return *x;
    }
}
