using System.Globalization;

namespace T2.Bench;

/// <summary>Medians and spreads; nothing here is ever the best of N.</summary>
internal static class Statistics
{
    public static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return sorted.Length % 2 == 1 ? sorted[sorted.Length / 2] : (sorted[sorted.Length / 2 - 1] + sorted[sorted.Length / 2]) / 2;
    }

    /// <summary>Mean ± sample standard deviation, as llama-bench prints.</summary>
    public static string MeanAndDeviation(IReadOnlyList<double> values)
    {
        double mean = values.Average();
        double deviation = values.Count > 1 ? Math.Sqrt(values.Sum(value => (value - mean) * (value - mean)) / (values.Count - 1)) : 0;
        return string.Create(CultureInfo.InvariantCulture, $"{mean:0.00} ± {deviation:0.00}");
    }
}
