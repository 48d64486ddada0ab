namespace T2.Cli;

/// <summary>Summaries of singular values.</summary>
internal static class SpectrumStatistics
{
    private const int Top = 256;

    /// <summary>Summary of one weight's σ, descending.</summary>
    internal static SpectrumReport Of(string weight, ReadOnlySpan<double> sigma)
    {
        double sum = 0;
        double top = 0;
        for (int index = 0; index < sigma.Length; index++)
        {
            sum += sigma[index];
            if (index < Top)
                top += sigma[index];
        }
        double entropy = 0;
        foreach (double value in sigma)
        {
            if (value > 0)
                entropy -= value / sum * Math.Log(value / sum);
        }
        return new(weight, sigma.Length, sigma[0], sigma[^1], sum, sum > 0 ? Math.Exp(entropy) : 0, sum > 0 ? top / sum : 0);
    }

    /// <summary>Means over the weights of each kind, a kind being a name without its block number.</summary>
    internal static IReadOnlyList<SpectrumReport> ByKind(IEnumerable<SpectrumReport> spectra) =>
        [.. spectra.GroupBy(static spectrum => KindOf(spectrum.Weight)).Select(static group => new SpectrumReport(
            group.Key,
            group.Max(static one => one.Rank),
            group.Average(static one => one.Largest),
            group.Average(static one => one.Smallest),
            group.Average(static one => one.Sum),
            group.Average(static one => one.EffectiveRank),
            group.Average(static one => one.Top256Share)))];

    private static string KindOf(string weight)
    {
        string[] parts = weight.Split('.');
        return parts is ["blk", _, ..] ? string.Join('.', ["blk", "*", .. parts[2..]]) : weight;
    }
}
