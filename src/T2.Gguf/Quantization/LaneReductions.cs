using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace T2.Gguf.Quantization;

/// <summary>Reductions across the lanes of a vector. NaN lanes count as nothing, which is what ggml's comparisons make of them.</summary>
internal static class LaneReductions
{
    /// <summary>Lane by lane the greater value; <paramref name="a"/> where they are equal or <paramref name="b"/> is NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Greater(Vector256<float> a, Vector256<float> b) => Vector256.ConditionalSelect(Vector256.GreaterThan(b, a), b, a);

    /// <summary>The greatest lane, none of which is NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Max(Vector256<float> lanes)
    {
        var four = Greater(lanes.GetLower(), lanes.GetUpper());
        var two = Greater(four, Vector128.Shuffle(four, Vector128.Create(2, 3, 0, 1)));
        return Greater(two, Vector128.Shuffle(two, Vector128.Create(1, 0, 3, 2))).ToScalar();
    }

    /// <summary>The greatest positive lane, or zero.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float MaxPositive(Vector256<float> lanes) => Max(Greater(Vector256<float>.Zero, lanes));

    /// <inheritdoc cref="MaxPositive(Vector256{float})"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float MaxPositive(Vector512<float> lanes) => Max(Greater(Greater(Vector256<float>.Zero, lanes.GetLower()), lanes.GetUpper()));

    /// <summary>The first lane of largest magnitude, with its sign; +0 where there is none.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Extreme(Vector512<float> lanes)
    {
        var magnitudes = Vector512.Abs(lanes);
        var largest = MaxPositive(magnitudes);
        var equal = Vector512.Equals(magnitudes, Vector512.Create(largest)).ExtractMostSignificantBits();
        return largest == 0 ? 0 : lanes.GetElement(BitOperations.TrailingZeroCount(equal));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Greater(Vector128<float> a, Vector128<float> b) => Vector128.ConditionalSelect(Vector128.GreaterThan(b, a), b, a);
}
