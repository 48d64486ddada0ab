using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace T2.Gguf.Quantization;

/// <summary>How <see cref="ScaleMinSearch"/> measures the error of one value.</summary>
internal interface IErrorMeasure
{
    /// <summary>The error that counts for a difference.</summary>
    static abstract Vector512<float> Of(Vector512<float> difference);
}

/// <summary>Sum of weighted squares.</summary>
internal readonly struct SquaredError : IErrorMeasure
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Of(Vector512<float> difference) => difference * difference;
}

/// <summary>Sum of weighted magnitudes.</summary>
internal readonly struct AbsoluteError : IErrorMeasure
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Of(Vector512<float> difference) => Vector512.Abs(difference);
}

/// <summary>
/// Scale and minimum for value ≈ scale · code − min with codes 0..maxCode (Q2_K, Q4_K, Q5_K). Starts from the range of the values, then tries inverse scales
/// around it; each trial fixes the codes and solves the weighted least-squares line through them, and stays if its error is smaller. The minimum never
/// lifts a sub-block: it is zero where all values are positive.
/// </summary>
internal static unsafe class ScaleMinSearch
{
    private const int MaxLength = 32;

    /// <summary>Searches sixteen sub-blocks at once. Everything is transposed as <see cref="SubBlocks"/> says.</summary>
    /// <param name="x">Values.</param>
    /// <param name="weights">How much each value's error counts.</param>
    /// <param name="length">Values per sub-block, at most 32.</param>
    /// <param name="maxCode">Largest code.</param>
    /// <param name="firstShift">What the first trial adds to <paramref name="maxCode"/> when it spreads the codes over the range.</param>
    /// <param name="trials">Number of trials; each adds 0.1 to the shift.</param>
    /// <param name="codes">Receives the codes of the best trial.</param>
    /// <param name="scales">Receives sixteen scales.</param>
    /// <param name="mins">Receives sixteen minimums, zero or positive.</param>
    [SkipLocalsInit]
    public static void Run<TError>(float* x, float* weights, int length, int maxCode, float firstShift, int trials, int* codes, float* scales, float* mins)
        where TError : struct, IErrorMeasure
    {
        var trialCodes = stackalloc float[MaxLength * SubBlocks.Lanes];
        var end = length * SubBlocks.Lanes;

        var min = Vector512.Load(x);
        var max = min;
        var sumW = Vector512.Load(weights);
        var sumX = sumW * min;
        for (var i = SubBlocks.Lanes; i < end; i += SubBlocks.Lanes)
        {
            var value = Vector512.Load(x + i);
            var w = Vector512.Load(weights + i);
            min = Vector512.ConditionalSelect(Vector512.LessThan(value, min), value, min);
            max = Vector512.ConditionalSelect(Vector512.GreaterThan(value, max), value, max);
            sumW += w;
            sumX += w * value;
        }
        min = Vector512.ConditionalSelect(Vector512.GreaterThan(min, Vector512<float>.Zero), Vector512<float>.Zero, min);

        // Where all values are equal (and not positive) this is infinite: scale and codes come out as 0, and no trial has a determinant.
        var inverse = Vector512.Create((float)maxCode) / (max - min);
        var scale = Vector512<float>.One / inverse;
        var bestError = Vector512<float>.Zero;
        for (var i = 0; i < end; i += SubBlocks.Lanes)
        {
            var value = Vector512.Load(x + i);
            var code = Vector512.ConvertToSingle(Codes.Nearest(inverse * (value - min), 0, maxCode));
            bestError += Vector512.Load(weights + i) * TError.Of(scale * code + min - value);
        }
        var bestInverse = inverse;
        var bestOrigin = min;

        for (var trial = 0; trial < trials; trial++)
        {
            inverse = Vector512.Create(firstShift + 0.1f * trial + maxCode) / (max - min);
            var sumL = Vector512<float>.Zero;
            var sumL2 = Vector512<float>.Zero;
            var sumXL = Vector512<float>.Zero;
            for (var i = 0; i < end; i += SubBlocks.Lanes)
            {
                var value = Vector512.Load(x + i);
                var code = Vector512.ConvertToSingle(Codes.Nearest(inverse * (value - min), 0, maxCode));
                code.Store(trialCodes + i);
                var wl = Vector512.Load(weights + i) * code;
                sumL += wl;
                sumL2 += wl * code;
                sumXL += wl * value;
            }

            var determinant = sumW * sumL2 - sumL * sumL;
            var trialScale = (sumW * sumXL - sumX * sumL) / determinant;
            var trialMin = (sumL2 * sumX - sumL * sumXL) / determinant;
            var lifts = Vector512.GreaterThan(trialMin, Vector512<float>.Zero);
            trialScale = Vector512.ConditionalSelect(lifts, sumXL / sumL2, trialScale);
            trialMin = Vector512.ConditionalSelect(lifts, Vector512<float>.Zero, trialMin);

            var error = Vector512<float>.Zero;
            for (var i = 0; i < end; i += SubBlocks.Lanes)
            {
                var difference = trialScale * Vector512.Load(trialCodes + i) + trialMin - Vector512.Load(x + i);
                error += Vector512.Load(weights + i) * TError.Of(difference);
            }

            var better = Vector512.LessThan(error, bestError) & Vector512.GreaterThan(determinant, Vector512<float>.Zero);
            bestError = Vector512.ConditionalSelect(better, error, bestError);
            bestInverse = Vector512.ConditionalSelect(better, inverse, bestInverse);
            bestOrigin = Vector512.ConditionalSelect(better, min, bestOrigin);
            scale = Vector512.ConditionalSelect(better, trialScale, scale);
            // The next trial places its codes from this minimum.
            min = Vector512.ConditionalSelect(better, trialMin, min);
        }

        for (var i = 0; i < end; i += SubBlocks.Lanes)
            Codes.Nearest(bestInverse * (Vector512.Load(x + i) - bestOrigin), 0, maxCode).Store(codes + i);
        scale.Store(scales);
        (-min).Store(mins);
    }
}
