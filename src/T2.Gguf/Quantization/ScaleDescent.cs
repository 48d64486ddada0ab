using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace T2.Gguf.Quantization;

/// <summary>
/// Scale for value ≈ scale · (code − half) with codes 0..2·half−1 (Q3_K). Maps the value of largest magnitude onto −half, then improves one code after the other
/// by weighted least squares (weights x²) while that explains more, for up to five rounds.
/// </summary>
internal static unsafe class ScaleDescent
{
    private const int MaxLength = 16;
    private const int Rounds = 5;

    /// <summary>Searches eight sub-blocks at once. Everything is transposed as <see cref="SubBlocks"/> says.</summary>
    /// <param name="x">Values.</param>
    /// <param name="length">Values per sub-block, at most 16.</param>
    /// <param name="half">The code that stands for 0.</param>
    /// <param name="codes">Receives the codes, 0 in sub-blocks that are negligible.</param>
    /// <param name="scales">Receives eight scales of either sign.</param>
    [SkipLocalsInit]
    public static void Run(float* x, int length, int half, int* codes, float* scales)
    {
        var current = stackalloc float[MaxLength * SubBlocks.Lanes];
        var end = length * SubBlocks.Lanes;

        var extreme = Vector256<float>.Zero;
        var largest = Vector256<float>.Zero;
        for (var i = 0; i < end; i += SubBlocks.Lanes)
        {
            var value = Vector256.Load(x + i);
            var magnitude = Vector256.Abs(value);
            var isLarger = Vector256.GreaterThan(magnitude, largest);
            largest = Vector256.ConditionalSelect(isLarger, magnitude, largest);
            extreme = Vector256.ConditionalSelect(isLarger, value, extreme);
        }
        var isEmpty = Vector256.LessThan(largest, Vector256.Create(SubBlocks.Negligible));

        var inverse = Vector256.Create((float)-half) / extreme;
        var sumXL = Vector256<float>.Zero;
        var sumL2 = Vector256<float>.Zero;
        for (var i = 0; i < end; i += SubBlocks.Lanes)
        {
            var value = Vector256.Load(x + i);
            var code = Vector256.ConvertToSingle(Codes.Nearest(inverse * value, -half, half - 1));
            code.Store(current + i);
            var w = value * value;
            sumXL += w * value * code;
            sumL2 += w * code * code;
        }

        for (var round = 0; round < Rounds; round++)
        {
            var changed = Vector256<float>.Zero;
            for (var i = 0; i < end; i += SubBlocks.Lanes)
            {
                var value = Vector256.Load(x + i);
                var code = Vector256.Load(current + i);
                var w = value * value;
                var wx = w * value;
                // Sums without this value, its best code given them, and the sums with that code.
                var restXL = sumXL - wx * code;
                var restL2 = sumL2 - w * code * code;
                var newCode = Vector256.ConvertToSingle(Codes.Nearest(value * restL2 / restXL, -half, half - 1));
                var newXL = restXL + wx * newCode;
                var newL2 = restL2 + w * newCode * newCode;
                var better = Vector256.GreaterThan(restXL, Vector256<float>.Zero)
                    & ~Vector256.Equals(newCode, code)
                    & Vector256.GreaterThan(newL2, Vector256<float>.Zero)
                    & Vector256.GreaterThan(newXL * newXL * sumL2, sumXL * sumXL * newL2);
                better = Vector256.AndNot(better, isEmpty);
                Vector256.ConditionalSelect(better, newCode, code).Store(current + i);
                sumXL = Vector256.ConditionalSelect(better, newXL, sumXL);
                sumL2 = Vector256.ConditionalSelect(better, newL2, sumL2);
                changed |= better;
            }
            if (changed.ExtractMostSignificantBits() == 0)
                break;
        }

        for (var i = 0; i < end; i += SubBlocks.Lanes)
        {
            var code = Vector256.ConvertToInt32(Vector256.Load(current + i)) + Vector256.Create(half);
            Vector256.AndNot(code, isEmpty.AsInt32()).Store(codes + i);
        }
        var hasScale = Vector256.AndNot(Vector256.GreaterThan(sumL2, Vector256<float>.Zero), isEmpty);
        (sumXL / sumL2 & hasScale).Store(scales);
    }
}
