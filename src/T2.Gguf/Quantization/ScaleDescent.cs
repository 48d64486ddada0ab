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

    /// <summary>Searches sixteen sub-blocks at once. Everything is transposed as <see cref="SubBlocks"/> says.</summary>
    /// <param name="x">Values.</param>
    /// <param name="length">Values per sub-block, at most 16.</param>
    /// <param name="half">The code that stands for 0.</param>
    /// <param name="codes">Receives the codes, 0 in sub-blocks that are negligible.</param>
    /// <param name="scales">Receives sixteen scales of either sign.</param>
    [SkipLocalsInit]
    public static void Run(float* x, int length, int half, int* codes, float* scales)
    {
        var current = stackalloc float[MaxLength * SubBlocks.Lanes];
        var end = length * SubBlocks.Lanes;

        var extreme = Vector512<float>.Zero;
        var largest = Vector512<float>.Zero;
        for (var i = 0; i < end; i += SubBlocks.Lanes)
        {
            var value = Vector512.Load(x + i);
            var magnitude = Vector512.Abs(value);
            var isLarger = Vector512.GreaterThan(magnitude, largest);
            largest = Vector512.ConditionalSelect(isLarger, magnitude, largest);
            extreme = Vector512.ConditionalSelect(isLarger, value, extreme);
        }
        var isEmpty = Vector512.LessThan(largest, Vector512.Create(SubBlocks.Negligible));

        var inverse = Vector512.Create((float)-half) / extreme;
        var sumXL = Vector512<float>.Zero;
        var sumL2 = Vector512<float>.Zero;
        for (var i = 0; i < end; i += SubBlocks.Lanes)
        {
            var value = Vector512.Load(x + i);
            var code = Vector512.ConvertToSingle(Codes.Nearest(inverse * value, -half, half - 1));
            code.Store(current + i);
            var w = value * value;
            sumXL += w * value * code;
            sumL2 += w * code * code;
        }

        for (var round = 0; round < Rounds; round++)
        {
            var changed = Vector512<float>.Zero;
            for (var i = 0; i < end; i += SubBlocks.Lanes)
            {
                var value = Vector512.Load(x + i);
                var code = Vector512.Load(current + i);
                var w = value * value;
                var wx = w * value;
                // Sums without this value, its best code given them, and the sums with that code.
                var restXL = sumXL - wx * code;
                var restL2 = sumL2 - w * code * code;
                var newCode = Vector512.ConvertToSingle(Codes.Nearest(value * restL2 / restXL, -half, half - 1));
                var newXL = restXL + wx * newCode;
                var newL2 = restL2 + w * newCode * newCode;
                var better = Vector512.GreaterThan(restXL, Vector512<float>.Zero)
                    & ~Vector512.Equals(newCode, code)
                    & Vector512.GreaterThan(newL2, Vector512<float>.Zero)
                    & Vector512.GreaterThan(newXL * newXL * sumL2, sumXL * sumXL * newL2);
                Vector512.ConditionalSelect(better, newCode, code).Store(current + i);
                sumXL = Vector512.ConditionalSelect(better, newXL, sumXL);
                sumL2 = Vector512.ConditionalSelect(better, newL2, sumL2);
                changed |= better;
            }
            if (changed.ExtractMostSignificantBits() == 0)
                break;
        }

        for (var i = 0; i < end; i += SubBlocks.Lanes)
        {
            var code = Vector512.ConvertToInt32(Vector512.Load(current + i)) + Vector512.Create(half);
            Vector512.AndNot(code, isEmpty.AsInt32()).Store(codes + i);
        }
        Vector512.AndNot(sumXL / sumL2, isEmpty).Store(scales);
    }
}
