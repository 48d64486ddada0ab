namespace T2.Training.Tests;

public sealed class AdvantageTests
{
    [Theory]
    [InlineData(RewardBaseline.None, 1, -1)]
    [InlineData(RewardBaseline.Mean, 1.5, -0.5)]
    [InlineData(RewardBaseline.LeaveOneOut, 2, -2.0 / 3)]
    public void A_reward_is_compared_with_its_baseline(RewardBaseline baseline, double right, double wrong)
    {
        // One right of four: the sum of rewards is −2.
        Assert.Equal(right, PolicyGradient.Advantage(1, -2, 4, baseline), 12);
        Assert.Equal(wrong, PolicyGradient.Advantage(-1, -2, 4, baseline), 12);
    }

    [Theory]
    [InlineData(RewardBaseline.Mean)]
    [InlineData(RewardBaseline.LeaveOneOut)]
    public void Samples_that_fare_alike_teach_nothing(RewardBaseline baseline) => Assert.Equal(0, PolicyGradient.Advantage(-1, -8, 8, baseline), 12);
}
