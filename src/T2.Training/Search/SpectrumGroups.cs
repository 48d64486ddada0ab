namespace T2.Training;

/// <summary>
/// A few numbers that stand for all of z: the spectrum of each group of weights is cut into bands of equal length, and every singular value of a band is
/// scaled by 1 + θ of its band.
/// </summary>
public sealed class SpectrumGroups
{
    private readonly (string Weight, int Rank, int Group)[] _weights;

    /// <summary>Groups weights.</summary>
    /// <param name="ranks">Rank r of each weight, by name (<c>blk.N.ffn_up.weight</c>), in order.</param>
    /// <param name="grouping">Which share their numbers.</param>
    /// <param name="bands">Bands of a spectrum, ≥ 1; a weight of lower rank uses the first of them.</param>
    public SpectrumGroups(IEnumerable<KeyValuePair<string, int>> ranks, SpectrumGrouping grouping, int bands)
    {
        ArgumentNullException.ThrowIfNull(ranks);
        ArgumentOutOfRangeException.ThrowIfLessThan(bands, 1);
        Bands = bands;
        var groups = new OrderedDictionary<string, int>(StringComparer.Ordinal);
        _weights = [.. ranks.Select(weight =>
        {
            string key = KeyOf(weight.Key, grouping);
            if (!groups.TryGetValue(key, out int group))
                groups.Add(key, group = groups.Count);
            return (weight.Key, weight.Value, group);
        })];
        Names = [.. groups.Keys];
    }

    /// <summary>Bands of a spectrum.</summary>
    public int Bands { get; }

    /// <summary>Names of the groups: a weight, <c>blk.N</c>, or a kind.</summary>
    public IReadOnlyList<string> Names { get; }

    /// <summary>How many numbers there are: groups × bands, a group's bands side by side, the largest singular values first.</summary>
    public int Count => Names.Count * Bands;

    /// <summary>The vectors that <paramref name="theta"/> stands for.</summary>
    /// <param name="theta"><see cref="Count"/> numbers; 0 = the base.</param>
    public IEnumerable<KeyValuePair<string, ReadOnlyMemory<float>>> Expand(ReadOnlySpan<double> theta)
    {
        if (theta.Length != Count)
            throw new ArgumentException($"{theta.Length} numbers were given for {Names.Count} groups of {Bands} bands.", nameof(theta));
        var vectors = new List<KeyValuePair<string, ReadOnlyMemory<float>>>(_weights.Length);
        foreach (var (weight, rank, group) in _weights)
        {
            var z = new float[rank];
            for (int index = 0; index < rank; index++)
                z[index] = (float)(1 + theta[group * Bands + (int)((long)index * Bands / rank)]);
            vectors.Add(new(weight, z));
        }
        return vectors;
    }

    private static string KeyOf(string weight, SpectrumGrouping grouping)
    {
        string[] parts = weight.Split('.');
        return grouping switch
        {
            SpectrumGrouping.Layer => string.Join('.', parts[..2]),
            SpectrumGrouping.Kind => string.Join('.', parts[2..]),
            _ => weight,
        };
    }
}
