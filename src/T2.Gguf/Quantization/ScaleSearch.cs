using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace T2.Gguf.Quantization;

/// <summary>
/// Scale for value ≈ scale · (code − half) with codes 0..2·half−1 (Q6_K). Maps the value of largest magnitude onto −half and onto eighteen points around it;
/// each trial fixes the codes and takes the least-squares scale with weights x², and the one that explains most stays.
/// </summary>
internal static unsafe class ScaleSearch
{
    private const int MaxLength = 16;
    private const int Reach = 9;

    /// <summary>Searches sixteen sub-blocks at once. Everything is transposed as <see cref="SubBlocks"/> says.</summary>
    /// <param name="x">Values.</param>
    /// <param name="length">Values per sub-block, at most 16.</param>
    /// <param name="half">The code that stands for 0.</param>
    /// <param name="codes">Receives the codes, 0 in sub-blocks that are negligible.</param>
    /// <param name="scales">Receives sixteen scales of either sign.</param>
    [SkipLocalsInit]
    public static void Run(float* x, int length, int half, int* codes, float* scales)
    {
        var weights = stackalloc float[MaxLength * SubBlocks.Lanes];
        var weighted = stackalloc float[MaxLength * SubBlocks.Lanes];
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
            var w = value * value;
            w.Store(weights + i);
            (w * value).Store(weighted + i);
        }
        var isEmpty = Vector512.LessThan(largest, Vector512.Create(SubBlocks.Negligible));

        var scale = Vector512<float>.Zero;
        var best = Vector512<float>.Zero;
        var bestInverse = Vector512.Create((float)-half) / extreme;
        for (var trial = -Reach - 1; trial <= Reach; trial++)
        {
            // The unshifted mapping comes first and sets what the others must beat.
            var isFirst = trial < -Reach;
            if (trial == 0)
                continue;
            var inverse = isFirst ? bestInverse : Vector512.Create(-(half + 0.1f * trial)) / extreme;
            var sumXL = Vector512<float>.Zero;
            // Never 0 unless the sub-block is negligible: the extreme value has a code.
            var sumL2 = Vector512<float>.Zero;
            for (var i = 0; i < end; i += SubBlocks.Lanes)
            {
                var code = Codes.NearestInRange(inverse * Vector512.Load(x + i), -half, half - 1);
                sumXL += Vector512.Load(weighted + i) * code;
                sumL2 += Vector512.Load(weights + i) * code * code;
            }
            if (isFirst)
            {
                scale = sumXL / sumL2;
                best = scale * sumXL;
                continue;
            }
            var better = Vector512.GreaterThan(sumXL * sumXL, best * sumL2);
            scale = Vector512.ConditionalSelect(better, sumXL / sumL2, scale);
            best = Vector512.ConditionalSelect(better, scale * sumXL, best);
            bestInverse = Vector512.ConditionalSelect(better, inverse, bestInverse);
        }

        for (var i = 0; i < end; i += SubBlocks.Lanes)
        {
            var code = Codes.Nearest(bestInverse * Vector512.Load(x + i), -half, half - 1) + Vector512.Create(half);
            Vector512.AndNot(code, isEmpty.AsInt32()).Store(codes + i);
        }
        Vector512.AndNot(scale, isEmpty).Store(scales);
    }
}
