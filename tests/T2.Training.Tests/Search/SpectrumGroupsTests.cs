namespace T2.Training.Tests;

public sealed class SpectrumGroupsTests
{
    private static readonly KeyValuePair<string, int>[] Ranks =
    [
        new("blk.0.ffn_up.weight", 8), new("blk.0.ffn_down.weight", 8), new("blk.1.ffn_up.weight", 10), new("blk.1.ffn_down.weight", 3),
    ];

    [Theory]
    [InlineData(SpectrumGrouping.Weight, 4)]
    [InlineData(SpectrumGrouping.Layer, 2)]
    [InlineData(SpectrumGrouping.Kind, 2)]
    public void Weights_of_a_group_share_their_numbers(SpectrumGrouping grouping, int groups)
    {
        var made = new SpectrumGroups(Ranks, grouping, 3);
        Assert.Equal(groups, made.Names.Count);
        Assert.Equal(3 * groups, made.Count);
        double[] theta = [.. Enumerable.Range(1, made.Count).Select(static n => n / 100.0)];
        var vectors = made.Expand(theta).ToDictionary();
        Assert.Equal(Ranks.Select(static rank => (rank.Key, rank.Value)), vectors.Select(static vector => (vector.Key, vector.Value.Length)));
        // Eight values in three bands: three, three, two.
        Assert.Equal([1.01f, 1.01f, 1.01f, 1.02f, 1.02f, 1.02f, 1.03f, 1.03f], vectors["blk.0.ffn_up.weight"].ToArray());
        float second = vectors["blk.0.ffn_down.weight"].Span[0];
        Assert.Equal(grouping == SpectrumGrouping.Layer ? 1.01f : 1.04f, second);
    }

    [Fact]
    public void Zero_is_the_base() => Assert.All(
        new SpectrumGroups(Ranks, SpectrumGrouping.Weight, 5).Expand(new double[20]), static vector => Assert.All(vector.Value.ToArray(), static z => Assert.Equal(1f, z)));

    [Fact]
    public void A_wrong_count_is_refused() =>
        Assert.Contains("3 numbers were given for 2 groups of 3 bands", Assert.Throws<ArgumentException>(() => new SpectrumGroups(Ranks, SpectrumGrouping.Kind, 3).Expand(new double[3]).ToList()).Message, StringComparison.Ordinal);
}
