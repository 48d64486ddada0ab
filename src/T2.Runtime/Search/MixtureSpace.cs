using T2.Gguf.Experts;

namespace T2.Runtime.Search;

/// <summary>The mixtures of some experts as points: a share per expert, or one per weight and expert.</summary>
internal sealed class MixtureSpace(IReadOnlyList<Expert> experts, bool perWeight, bool normalise)
{
    private readonly string[] _weights = perWeight ? [.. experts.SelectMany(static expert => expert.Vectors.Keys).Distinct(StringComparer.Ordinal)] : [""];

    /// <summary>Coordinates of a point.</summary>
    internal int Dimensions => _weights.Length * experts.Count;

    /// <summary>The point of equal shares that add up to 1: where the search begins.</summary>
    internal double[] Centre => [.. Enumerable.Repeat(1.0 / experts.Count, Dimensions)];

    /// <summary>The mixture at a point; null = the base, where all shares are zero.</summary>
    internal Expert? At(double[] point, string name)
    {
        float[][] shares = [.. _weights.Select((_, index) => SharesAt(point, index))];
        if (shares.All(static row => row.All(static share => share == 0)))
            return null;
        return perWeight
            ? Expert.MixPerWeight(experts, new OrderedDictionary<string, float[]>(_weights.Zip(shares, KeyValuePair.Create)), name)
            : Expert.Mix([.. experts.Zip(shares[0])], name);
    }

    /// <summary>Each expert's share at a point, averaged over the weights.</summary>
    internal IReadOnlyList<(string Expert, double Share)> Shares(double[] point) =>
        [.. experts.Select((expert, index) => (expert.Name, Enumerable.Range(0, _weights.Length).Average(row => (double)SharesAt(point, row)[index])))];

    private float[] SharesAt(double[] point, int row)
    {
        var shares = point.AsSpan(row * experts.Count, experts.Count).ToArray();
        double sum = shares.Sum();
        return [.. shares.Select(share => (float)(normalise && sum > 0 ? share / sum : share))];
    }
}
