using T2.Runtime.Search;

namespace T2.Runtime.Tests.Search;

public sealed class CrossEntropySearchTests
{
    private static readonly double[][] s_candidates = [[0.1, 0.9], [0.4, 0.2], [0.7, 0.5], [0.3, 0.8], [0.95, 0.05]];
    private static readonly double[] s_fitness = [0.2, 0.9, 0.5, 0.9, 0.1];

    // Golden vectors: torch.mean and torch.std (n − 1) of the elites with optim_ema as in the reference, in exact rational arithmetic of Python's fractions.
    [Theory]
    [InlineData(0, 0.4666666666666667, 0.5, 0.20816659994661324, 0.3)]
    [InlineData(0.25, 0.475, 0.475, 0.28112494995995996, 0.3)]
    public void The_update_is_that_of_the_reference(double smoothing, double mean0, double mean1, double deviation0, double deviation1)
    {
        var search = new CrossEntropySearch([0.5, 0.4], [0.5, 0.3], new() { Population = 5, Elites = 3, Smoothing = smoothing });
        search.Tell(s_candidates, s_fitness, null);
        Assert.Equal(mean0, search.Mean[0], 1e-12);
        Assert.Equal(mean1, search.Mean[1], 1e-12);
        Assert.Equal(deviation0, search.Deviation[0], 1e-12);
        Assert.Equal(deviation1, search.Deviation[1], 1e-12);
        Assert.Equal(s_candidates[1], search.Best);
        Assert.Equal(1, search.Generation);
    }

    [Fact]
    public void Ties_go_to_the_candidate_whose_answers_are_likelier()
    {
        var search = new CrossEntropySearch([0.5, 0.4], [0.5, 0.3], new() { Population = 5, Elites = 2 });
        search.Tell(s_candidates, s_fitness, [0, -3, 0, -1, 0]);
        Assert.Equal(s_candidates[3], search.Best);
        Assert.Equal(0.9, search.BestFitness);
    }

    [Fact]
    public void A_fitness_that_is_no_number_is_the_worst()
    {
        var search = new CrossEntropySearch([0.5, 0.4], [0.5, 0.3], new() { Population = 5, Elites = 2 });
        search.Tell(s_candidates, [double.NaN, -5, double.NaN, -4, double.NaN], null);
        Assert.Equal(s_candidates[3], search.Best);
        Assert.Equal(0.35, search.Mean[0], 1e-12);
    }

    [Fact]
    public void Candidates_are_normal_around_the_mean_and_clipped()
    {
        var options = new CrossEntropyOptions { Population = 4000, Elites = 10, ReevaluateBest = false, Seed = 7 };
        var free = new CrossEntropySearch([2, -1], [0.5, 3], options).Ask();
        for (int index = 0; index < 2; index++)
        {
            double mean = free.Average(candidate => candidate[index]);
            double deviation = Math.Sqrt(free.Average(candidate => Math.Pow(candidate[index] - mean, 2)));
            Assert.InRange(mean, index == 0 ? 1.96 : -1.2, index == 0 ? 2.04 : -0.8);
            Assert.InRange(deviation, index == 0 ? 0.48 : 2.85, index == 0 ? 0.52 : 3.15);
        }
        // Coordinates are independent of one another.
        Assert.InRange(free.Average(candidate => (candidate[0] - 2) / 0.5 * (candidate[1] + 1) / 3), -0.05, 0.05);

        var clipped = new CrossEntropySearch([0.5], [0.5], options with { Minimum = 0, Maximum = 1 }).Ask();
        Assert.All(clipped, static candidate => Assert.InRange(candidate[0], 0, 1));
        Assert.Contains(clipped, static candidate => candidate[0] == 0);
        Assert.Contains(clipped, static candidate => candidate[0] == 1);
    }

    [Fact]
    public void The_best_of_a_generation_competes_in_the_next()
    {
        var search = new CrossEntropySearch([0.25], [0.5], new() { Population = 6, Elites = 2, Seed = 3 });
        Assert.Equal([0.25], search.Ask()[0]);
        double best = Step(search);
        Assert.Equal([best], search.Ask()[0]);
        Assert.NotEqual(search.Ask()[1], search.Ask()[0]);
    }

    [Fact]
    public void It_finds_the_maximum()
    {
        var search = new CrossEntropySearch([0.0, 0.0], [1.0, 1.0], new() { Population = 32, Elites = 6, Iterations = 40, Seed = 5 });
        while (!search.IsOver)
            search.Tell([.. search.Ask().Select(static x => -Math.Pow(x[0] - 0.3, 2) - Math.Pow(x[1] + 0.8, 2))]);
        Assert.Equal(40, search.Generation);
        Assert.Equal(0.3, search.Best[0], 1e-3);
        Assert.Equal(-0.8, search.Best[1], 1e-3);
    }

    [Fact]
    public void A_resumed_search_equals_one_that_was_never_interrupted()
    {
        var options = new CrossEntropyOptions { Population = 8, Elites = 3, Iterations = 9, Seed = 11, Minimum = -2, Smoothing = 0.1 };
        var whole = new CrossEntropySearch([0.1], [1.0 / 3], options);
        var parts = new CrossEntropySearch([0.1], [1.0 / 3], options);
        while (!whole.IsOver)
        {
            Step(whole);
            // Interrupted before the candidates are drawn, and between drawing and telling.
            parts = CrossEntropySearch.Restore(parts.Save());
            parts.Ask();
            parts = CrossEntropySearch.Restore(parts.Save());
            Step(parts);
            Assert.Equal(whole.Save(), parts.Save());
            Assert.Equal(whole.Mean, parts.Mean);
            Assert.Equal(whole.Deviation, parts.Deviation);
        }
        Assert.True(parts.IsOver);
        var other = new CrossEntropySearch([0.1], [1.0 / 3], options with { Seed = 12 });
        Assert.NotEqual(other.Ask()[3], new CrossEntropySearch([0.1], [1.0 / 3], options).Ask()[3]);
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("{\"options\":{\"population\":4,\"elites\":9},\"generation\":1,\"mean\":[0],\"deviation\":[1],\"best\":[0]}")]
    [InlineData("{\"options\":{},\"generation\":1,\"mean\":[0],\"deviation\":[1],\"best\":[0,1]}")]
    public void A_damaged_state_is_refused(string state) => Assert.Throws<FormatException>(() => CrossEntropySearch.Restore(state));

    [Fact]
    public void Options_that_make_no_search_are_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new CrossEntropySearch([0], [1], new() { Elites = 1 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => new CrossEntropySearch([0], [1], new() { Population = 5, Elites = 6 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => new CrossEntropySearch([0], [1], new() { Minimum = 1, Maximum = 1 }));
        Assert.Throws<ArgumentException>(() => new CrossEntropySearch([0, 1], [1], new()));
        Assert.Throws<ArgumentException>(() => new CrossEntropySearch([double.NaN], [1], new()));
        Assert.Throws<ArgumentException>(() => new CrossEntropySearch([0], [1], new()).Tell([1, 2, 3]));
    }

    private static double Step(CrossEntropySearch search)
    {
        double[][] candidates = search.Ask();
        search.Tell([.. candidates.Select(static x => -Math.Abs(x[0] - 0.7))]);
        return candidates.MinBy(static x => Math.Abs(x[0] - 0.7))![0];
    }
}
