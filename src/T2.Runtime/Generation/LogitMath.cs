using System.Numerics;
using System.Runtime.InteropServices;

namespace T2.Runtime;

/// <summary>What sampling needs of a row of logits, in vectors as wide as the processor's.</summary>
internal static class LogitMath
{
    /// <summary>The largest logit, or NaN if any is NaN.</summary>
    internal static float Max(ReadOnlySpan<float> logits)
    {
        var vectors = MemoryMarshal.Cast<float, Vector<float>>(logits);
        var highest = new Vector<float>(float.NegativeInfinity);
        var ordered = Vector<int>.AllBitsSet;
        foreach (var vector in vectors)
        {
            highest = Vector.Max(highest, vector);
            ordered &= Vector.Equals(vector, vector);
        }
        if (ordered != Vector<int>.AllBitsSet)
            return float.NaN;
        float max = float.NegativeInfinity;
        for (int lane = 0; lane < Vector<float>.Count; lane++)
            max = Math.Max(max, highest[lane]);
        foreach (float logit in logits[(vectors.Length * Vector<float>.Count)..])
            max = Math.Max(max, logit);
        return max;
    }

    /// <summary>weights[i] = exp((logits[i] − <paramref name="max"/>)·<paramref name="inverseTemperature"/>).</summary>
    /// <returns>Their sum.</returns>
    internal static double Exponentials(ReadOnlySpan<float> logits, float max, float inverseTemperature, Span<float> weights)
    {
        double sum = 0;
        for (int index = 0; index < logits.Length; index++)
        {
            weights[index] = MathF.Exp((logits[index] - max) * inverseTemperature);
            sum += weights[index];
        }
        return sum;
    }
}
