using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace T2.Gguf.Quantization;

/// <summary>How <see cref="ScaleMinSearch"/> measures the error of one value.</summary>
internal interface IErrorMeasure
{
    /// <summary>The error that counts for a difference.</summary>
    static abstract Vector256<float> Of(Vector256<float> difference);
}

/// <summary>Sum of weighted squares.</summary>
internal readonly struct SquaredError : IErrorMeasure
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Of(Vector256<float> difference) => difference * difference;
}

/// <summary>Sum of weighted magnitudes.</summary>
internal readonly struct AbsoluteError : IErrorMeasure
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Of(Vector256<float> difference) => Vector256.Abs(difference);
}

/// <summary>
/// Scale and minimum for value ≈ scale · code − min with codes 0..maxCode (Q2_K, Q4_K, Q5_K). Starts from the range of the values, then tries inverse scales
/// around it; each trial fixes the codes and solves the weighted least-squares line through them, and stays if its error is smaller. The minimum never
/// lifts a sub-block: it is zero where all values are positive.
/// </summary>
internal static unsafe class ScaleMinSearch
{
    private const int MaxLength = 32;

    /// <summary>Searches eight sub-blocks at once. Everything is transposed as <see cref="SubBlocks"/> says.</summary>
    /// <param name="x">Values.</param>
    /// <param name="weights">How much each value's error counts.</param>
    /// <param name="length">Values per sub-block, at most 32.</param>
    /// <param name="maxCode">Largest code.</param>
    /// <param name="firstShift">What the first trial adds to <paramref name="maxCode"/> when it spreads the codes over the range.</param>
    /// <param name="trials">Number of trials; each adds 0.1 to the shift.</param>
    /// <param name="codes">Receives the codes of the best trial.</param>
    /// <param name="scales">Receives eight scales.</param>
    /// <param name="mins">Receives eight minimums, zero or positive.</param>
    [SkipLocalsInit]
    public static void Run<TError>(float* x, float* weights, int length, int maxCode, float firstShift, int trials, int* codes, float* scales, float* mins)
        where TError : struct, IErrorMeasure
    {
        var trialCodes = stackalloc float[MaxLength * SubBlocks.Lanes];
        var end = length * SubBlocks.Lanes;

        var min = Vector256.Load(x);
        var max = min;
        var sumW = Vector256.Load(weights);
        var sumX = sumW * min;
        for (var i = SubBlocks.Lanes; i < end; i += SubBlocks.Lanes)
        {
            var value = Vector256.Load(x + i);
            var w = Vector256.Load(weights + i);
            min = Vector256.ConditionalSelect(Vector256.LessThan(value, min), value, min);
            max = Vector256.ConditionalSelect(Vector256.GreaterThan(value, max), value, max);
            sumW += w;
            sumX += w * value;
        }
        min = Vector256.ConditionalSelect(Vector256.GreaterThan(min, Vector256<float>.Zero), Vector256<float>.Zero, min);
        var isFlat = Vector256.Equals(max, min);
        var flatMin = min;

        var inverse = Vector256.Create((float)maxCode) / (max - min);
        var scale = Vector256<float>.One / inverse;
        var bestError = Vector256<float>.Zero;
        for (var i = 0; i < end; i += SubBlocks.Lanes)
        {
            var value = Vector256.Load(x + i);
            var code = Vector256.ConvertToSingle(Codes.Nearest(inverse * (value - min), 0, maxCode));
            bestError += Vector256.Load(weights + i) * TError.Of(scale * code + min - value);
        }
        var bestInverse = inverse;
        var bestOrigin = min;

        for (var trial = 0; trial < trials; trial++)
        {
            inverse = Vector256.Create(firstShift + 0.1f * trial + maxCode) / (max - min);
            var sumL = Vector256<float>.Zero;
            var sumL2 = Vector256<float>.Zero;
            var sumXL = Vector256<float>.Zero;
            for (var i = 0; i < end; i += SubBlocks.Lanes)
            {
                var value = Vector256.Load(x + i);
                var code = Vector256.ConvertToSingle(Codes.Nearest(inverse * (value - min), 0, maxCode));
                code.Store(trialCodes + i);
                var wl = Vector256.Load(weights + i) * code;
                sumL += wl;
                sumL2 += wl * code;
                sumXL += wl * value;
            }

            var determinant = sumW * sumL2 - sumL * sumL;
            var trialScale = (sumW * sumXL - sumX * sumL) / determinant;
            var trialMin = (sumL2 * sumX - sumL * sumXL) / determinant;
            var lifts = Vector256.GreaterThan(trialMin, Vector256<float>.Zero);
            trialScale = Vector256.ConditionalSelect(lifts, sumXL / sumL2, trialScale);
            trialMin = Vector256.ConditionalSelect(lifts, Vector256<float>.Zero, trialMin);

            var error = Vector256<float>.Zero;
            for (var i = 0; i < end; i += SubBlocks.Lanes)
            {
                var difference = trialScale * Vector256.Load(trialCodes + i) + trialMin - Vector256.Load(x + i);
                error += Vector256.Load(weights + i) * TError.Of(difference);
            }

            var better = Vector256.LessThan(error, bestError) & Vector256.GreaterThan(determinant, Vector256<float>.Zero);
            bestError = Vector256.ConditionalSelect(better, error, bestError);
            bestInverse = Vector256.ConditionalSelect(better, inverse, bestInverse);
            bestOrigin = Vector256.ConditionalSelect(better, min, bestOrigin);
            scale = Vector256.ConditionalSelect(better, trialScale, scale);
            // The next trial places its codes from this minimum.
            min = Vector256.ConditionalSelect(better, trialMin, min);
        }

        for (var i = 0; i < end; i += SubBlocks.Lanes)
        {
            var code = Codes.Nearest(bestInverse * (Vector256.Load(x + i) - bestOrigin), 0, maxCode);
            Vector256.AndNot(code, isFlat.AsInt32()).Store(codes + i);
        }
        Vector256.AndNot(scale, isFlat).Store(scales);
        (-Vector256.ConditionalSelect(isFlat, flatMin, min)).Store(mins);
    }
}
