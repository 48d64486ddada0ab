namespace T2.Cli;

/// <summary>What <c>t2 inspect</c> and <c>t2 expert show</c> say about an expert.</summary>
internal sealed record ExpertReport(
    string File,
    string Kind,
    string Name,
    string Architecture,
    string BaseFingerprint,
    string? Description,
    string? Task,
    string? Training,
    IReadOnlyDictionary<string, string> Extra,
    long Bytes,
    long Values,
    IReadOnlyList<VectorReport> Vectors);

/// <summary>Statistics of one vector.</summary>
internal sealed record VectorReport(string Weight, int Length, double Min, double Mean, double Max, double Deviation)
{
    /// <summary>Statistics over <paramref name="z"/>, in fp64; the deviation is that of the population.</summary>
    internal static VectorReport Of(string weight, ReadOnlySpan<float> z)
    {
        double min = double.PositiveInfinity;
        double max = double.NegativeInfinity;
        double sum = 0;
        foreach (float value in z)
        {
            min = Math.Min(min, value);
            max = Math.Max(max, value);
            sum += value;
        }
        double mean = sum / z.Length;
        double squares = 0;
        foreach (float value in z)
            squares += (value - mean) * (value - mean);
        return new(weight, z.Length, min, mean, max, Math.Sqrt(squares / z.Length));
    }
}
