namespace T2.Cli.Tests;

public class SpectrumStatisticsTests
{
    [Fact]
    public void A_flat_spectrum_has_its_full_effective_rank()
    {
        double[] flat = new double[512];
        flat.AsSpan().Fill(0.25);
        var summary = SpectrumStatistics.Of("w", flat);
        Assert.Equal((512, 0.25, 0.25, 128.0, 0.5), (summary.Rank, summary.Largest, summary.Smallest, summary.Sum, summary.Top256Share));
        Assert.Equal(512, summary.EffectiveRank, 9);
    }

    [Fact]
    public void The_effective_rank_is_exp_of_the_entropy()
    {
        Assert.Equal(1, SpectrumStatistics.Of("w", [3, 0, 0]).EffectiveRank, 12);
        // p = 2/3, 1/3: H = ln 3 − 2/3·ln 2.
        Assert.Equal(3 / Math.Pow(2, 2.0 / 3), SpectrumStatistics.Of("w", [2, 1]).EffectiveRank, 12);
        Assert.Equal(0, SpectrumStatistics.Of("w", [0, 0]).EffectiveRank);
    }

    [Fact]
    public void Kinds_are_means_over_the_blocks()
    {
        var kinds = SpectrumStatistics.ByKind([
            SpectrumStatistics.Of("blk.0.ffn_up.weight", [4, 2]), SpectrumStatistics.Of("blk.10.ffn_up.weight", [2, 0]), SpectrumStatistics.Of("blk.0.attn_q.weight", [1])]);
        Assert.Equal(["blk.*.ffn_up.weight", "blk.*.attn_q.weight"], kinds.Select(static kind => kind.Weight));
        Assert.Equal((3.0, 1.0, 4.0), (kinds[0].Largest, kinds[0].Smallest, kinds[0].Sum));
    }
}
