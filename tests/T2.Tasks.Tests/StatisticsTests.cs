namespace T2.Tasks.Tests;

/// <summary>Against values computed elsewhere: binomial sums in exact rational arithmetic, Wilson bounds by bisection of the score equation.</summary>
public sealed class StatisticsTests
{
    [Theory]
    [InlineData(0, 0, 1.0, 1.0)]
    [InlineData(1, 0, 1.0, 0.5)]
    [InlineData(5, 5, 1.0, 0.876953125)]
    [InlineData(3, 4, 1.0, 0.7265625)]
    [InlineData(10, 2, 0.03857421875, 0.0224609375)]
    [InlineData(6, 17, 0.03468966484069824, 0.022655844688415527)]
    [InlineData(0, 20, 1.9073486328125e-06, 9.5367431640625e-07)]
    [InlineData(120, 190, 8.342570746636886e-05, 6.738805166286181e-05)]
    [InlineData(1000, 1100, 0.030720707864242296, 0.029110633685909038)]
    [InlineData(700, 1200, 1.1108804113471968e-30, 8.781724765900656e-31)]
    public void McNemar_gives_the_exact_binomial_p(int onlyA, int onlyB, double exact, double midP)
    {
        Equal(exact, Statistics.McNemarExact(onlyA, onlyB));
        Equal(exact, Statistics.McNemarExact(onlyB, onlyA));
        Equal(midP, Statistics.McNemarMidP(onlyA, onlyB));
        Equal(midP, Statistics.McNemarMidP(onlyB, onlyA));
    }

    [Theory]
    [InlineData(0, 10, .95, 0.0, 0.27753279986288903)]
    [InlineData(10, 10, .95, 0.7224672001371109, 1.0)]
    [InlineData(5, 10, .95, 0.23659309051256405, 0.763406909487436)]
    [InlineData(81, 263, .95, 0.2552885198782742, 0.36620957698280004)]
    [InlineData(15, 148, .95, 0.0623863995307363, 0.160487241723308)]
    [InlineData(1820, 2000, .95, 0.8966591728360274, 0.9217688483933452)]
    [InlineData(3, 7, .99, 0.11637368051613825, 0.8102850959116122)]
    [InlineData(50, 100, .9, 0.4188477961125295, 0.5811522038874705)]
    [InlineData(0, 0, .95, 0, 1)]
    public void Wilson_bounds_solve_the_score_equation(int successes, int n, double confidence, double low, double high)
    {
        var interval = Statistics.WilsonInterval(successes, n, confidence);
        Equal(low, interval.Low);
        Equal(high, interval.High);
    }

    [Fact]
    public void Impossible_counts_are_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => Statistics.WilsonInterval(3, 2));
        Assert.Throws<ArgumentOutOfRangeException>(() => Statistics.WilsonInterval(-1, 2));
        Assert.Throws<ArgumentOutOfRangeException>(() => Statistics.WilsonInterval(1, 2, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => Statistics.WilsonInterval(1, 2, double.NaN));
        Assert.Throws<ArgumentOutOfRangeException>(() => Statistics.McNemarExact(-1, 2));
    }

    private static void Equal(double expected, double actual) => Assert.InRange(actual, expected - (1e-10 * expected), expected + (1e-10 * expected));
}
