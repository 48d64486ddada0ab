using System.Runtime.CompilerServices;
using ILGPU;

namespace T2.Kernels.Gpu.Compiler;

/// <summary>A sub-block's line, value ≈ Scale · code + Min, and the line that last assigned its codes.</summary>
internal struct ScaleMin
{
    public float Scale;
    public float Min;

    /// <summary>Codes are nearest(CodeScale · (value − CodeMin)), clamped; 0 where all values are equal and not negative.</summary>
    public float CodeScale;
    public float CodeMin;
}

/// <summary>
/// ggml's <c>make_qkx2_quants</c> for one sub-block of 32, operation by operation: start from the range of the values, try inverse scales around it, solve
/// the weighted least-squares line through each trial's codes, keep the line with the smallest weighted squared error. Weights are |x| plus the root
/// mean square. Codes are not kept but assigned again from the line that gave them: 32 values in registers would spill.
/// </summary>
internal static class ScaleMinSearch
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ScaleMin Run<TFormat>(ArrayView<float> values, int first)
        where TFormat : struct, IScaleMinFormat
    {
        var squares = 0f;
        for (var i = 0; i < 32; i++)
            squares += values[first + i] * values[first + i];
        var rms = MathF.Sqrt(squares / 32f);

        var min = values[first];
        var max = values[first];
        var sumW = rms + Bits.Abs(values[first]);
        var sumX = sumW * values[first];
        for (var i = 1; i < 32; i++)
        {
            var x = values[first + i];
            min = x < min ? x : min;
            max = x > max ? x : max;
            var w = rms + Bits.Abs(x);
            sumW += w;
            sumX += w * x;
        }
        min = min > 0 ? 0f : min;
        var best = default(ScaleMin);
        best.Min = min;
        if (max == min)
            return best;

        var inverse = TFormat.MaxCode / (max - min);
        best.Scale = 1f / inverse;
        best.CodeScale = inverse;
        best.CodeMin = min;
        var bestError = 0f;
        for (var i = 0; i < 32; i++)
        {
            var x = values[first + i];
            var difference = best.Scale * Code<TFormat>(x, inverse, min) + min - x;
            bestError += (rms + Bits.Abs(x)) * (difference * difference);
        }

        for (var trial = 0; trial < TFormat.Trials; trial++)
        {
            inverse = (TFormat.FirstShift + 0.1f * trial + TFormat.MaxCode) / (max - min);
            float sumL = 0f, sumL2 = 0f, sumXL = 0f;
            for (var i = 0; i < 32; i++)
            {
                var x = values[first + i];
                float code = Code<TFormat>(x, inverse, min);
                var w = rms + Bits.Abs(x);
                var wl = w * code;
                sumL += wl;
                sumL2 += wl * code;
                sumXL += wl * x;
            }
            var determinant = sumW * sumL2 - sumL * sumL;
            if (determinant > 0)
            {
                var scale = (sumW * sumXL - sumX * sumL) / determinant;
                var low = (sumL2 * sumX - sumL * sumXL) / determinant;
                if (low > 0)
                {
                    low = 0f;
                    scale = sumXL / sumL2;
                }
                var error = 0f;
                for (var i = 0; i < 32; i++)
                {
                    var x = values[first + i];
                    var difference = scale * Code<TFormat>(x, inverse, min) + low - x;
                    error += (rms + Bits.Abs(x)) * (difference * difference);
                }
                if (error < bestError)
                {
                    bestError = error;
                    best.Scale = scale;
                    best.CodeScale = inverse;
                    best.CodeMin = min;
                    // As in the C code, later trials measure their range and codes from the minimum found here.
                    min = low;
                    best.Min = low;
                }
            }
        }
        return best;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Code<TFormat>(float value, float inverse, float min)
        where TFormat : struct, IScaleMinFormat => Bits.Clamp(Bits.Nearest(inverse * (value - min)), 0, TFormat.MaxCode);
}
