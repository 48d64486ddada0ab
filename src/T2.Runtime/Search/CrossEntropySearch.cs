using System.Text.Json;

namespace T2.Runtime.Search;

/// <summary>
/// The cross-entropy method as the paper uses it: candidates are drawn from independent normal distributions and clipped; the mean and the deviation of the best of
/// them become those of the next generation (the deviation with n − 1 in its denominator, as in the reference). Ask for candidates, tell how good they are.
/// The same seed and the same fitness give the same search, and a restored search goes on as one that was never interrupted, bit for bit. Not thread-safe.
/// </summary>
public sealed class CrossEntropySearch
{
    private double _bestTieBreak = double.NegativeInfinity;
    private double[][]? _asked;

    /// <summary>Begins a search.</summary>
    /// <param name="mean">Where the first generation is drawn; finite.</param>
    /// <param name="deviation">How far around; finite, not negative, as long as <paramref name="mean"/>.</param>
    /// <param name="options">How.</param>
    /// <exception cref="ArgumentException">The vectors do not go together, or are not finite.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    public CrossEntropySearch(double[] mean, double[] deviation, CrossEntropyOptions options)
    {
        ArgumentNullException.ThrowIfNull(mean);
        ArgumentNullException.ThrowIfNull(deviation);
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        if (mean.Length == 0 || mean.Length != deviation.Length)
            throw new ArgumentException($"A search needs as many deviations as means, and at least one; there are {mean.Length} and {deviation.Length}.");
        if (!mean.All(double.IsFinite) || !deviation.All(static value => double.IsFinite(value) && value >= 0))
            throw new ArgumentException("Means and deviations must be finite, and deviations not negative.");
        Options = options;
        Mean = [.. mean];
        Deviation = [.. deviation];
        Best = [.. mean];
    }

    /// <summary>How the search draws and chooses.</summary>
    public CrossEntropyOptions Options { get; }

    /// <summary>Mean of the distribution the next generation is drawn from.</summary>
    public double[] Mean { get; private set; }

    /// <summary>Its deviation.</summary>
    public double[] Deviation { get; private set; }

    /// <summary>
    /// The best candidate: of the last generation where <see cref="CrossEntropyOptions.ReevaluateBest"/> carries it from one to the next, otherwise of all. The
    /// initial mean before the first.
    /// </summary>
    public double[] Best { get; private set; }

    /// <summary>Fitness of <see cref="Best"/>; negative infinity before the first generation.</summary>
    public double BestFitness { get; private set; } = double.NegativeInfinity;

    /// <summary>Generations told so far.</summary>
    public int Generation { get; private set; }

    /// <summary>Whether all generations have been told.</summary>
    public bool IsOver => Generation >= Options.Iterations;

    /// <summary>The candidates of the next generation: x = mean + deviation·n, n standard normal, clipped. Asking again gives the same.</summary>
    public double[][] Ask()
    {
        var candidates = new double[Options.Population][];
        for (int candidate = 0; candidate < candidates.Length; candidate++)
            candidates[candidate] = candidate == 0 && Options.ReevaluateBest ? [.. Best] : Draw(candidate);
        _asked = candidates;
        return [.. candidates.Select(static candidate => (double[])[.. candidate])];
    }

    /// <summary>Takes how good the candidates of the last <see cref="Ask"/> are, and moves on to the next generation.</summary>
    /// <param name="fitness">One number per candidate, higher is better; NaN counts as worst.</param>
    /// <param name="tieBreak">Decides between candidates of equal fitness, such as the likelihood of their right answers; null leaves it to their order.</param>
    /// <exception cref="ArgumentException">There are not as many numbers as candidates.</exception>
    public void Tell(double[] fitness, double[]? tieBreak = null)
    {
        ArgumentNullException.ThrowIfNull(fitness);
        if (fitness.Length != Options.Population || (tieBreak is not null && tieBreak.Length != Options.Population))
            throw new ArgumentException($"A generation has {Options.Population} candidates, but was told {fitness.Length} numbers and {tieBreak?.Length ?? fitness.Length} tie-breaks.");
        Tell(_asked ?? Ask(), fitness, tieBreak);
    }

    /// <summary>Moves on to the next generation from given candidates.</summary>
    internal void Tell(double[][] candidates, double[] fitness, double[]? tieBreak)
    {
        // Sorting is stable, so what is equal in both stays in the order of the candidates.
        int[] order = [.. Enumerable.Range(0, fitness.Length).OrderByDescending(index => Rank(fitness[index])).ThenByDescending(index => Rank(tieBreak?[index] ?? 0))];
        int first = order[0];
        double tie = Rank(tieBreak?[first] ?? 0);
        if (Options.ReevaluateBest || (Rank(fitness[first]), tie).CompareTo((BestFitness, _bestTieBreak)) > 0)
        {
            Best = [.. candidates[first]];
            BestFitness = Rank(fitness[first]);
            _bestTieBreak = tie;
        }
        Move([.. order.Take(Options.Elites).Select(index => candidates[index])]);
        Generation++;
        _asked = null;
    }

    /// <summary>The search's state between generations, options included, as JSON.</summary>
    public string Save() => JsonSerializer.Serialize(
        new CrossEntropyState(Options, Generation, Mean, Deviation, Best, Finite(BestFitness), Finite(_bestTieBreak)),
        CrossEntropyJson.Default.CrossEntropyState);

    /// <summary>Takes up a search where <see cref="Save"/> left it.</summary>
    /// <exception cref="FormatException">The text is not the state of a search.</exception>
    public static CrossEntropySearch Restore(string state)
    {
        ArgumentNullException.ThrowIfNull(state);
        try
        {
            var read = JsonSerializer.Deserialize(state, CrossEntropyJson.Default.CrossEntropyState);
            if (read is not { Options: not null, Mean: not null, Deviation: not null, Best: not null, Generation: >= 0 } || read.Best.Length != read.Mean.Length)
                throw new FormatException("The state of the search is incomplete.");
            return new CrossEntropySearch(read.Mean, read.Deviation, read.Options)
            {
                Generation = read.Generation,
                Best = read.Best,
                BestFitness = read.BestFitness ?? double.NegativeInfinity,
                _bestTieBreak = read.BestTieBreak ?? double.NegativeInfinity,
            };
        }
        catch (Exception exception) when (exception is JsonException or ArgumentException)
        {
            throw new FormatException($"Not the state of a search: {exception.Message}", exception);
        }
    }

    private double[] Draw(int candidate)
    {
        double[] values = new double[Mean.Length];
        for (int index = 0; index < values.Length; index++)
        {
            double value = Mean[index] + Deviation[index] * NormalNumbers.At(Options.Seed, Generation, candidate, index);
            values[index] = Math.Min(Math.Max(value, Options.Minimum ?? double.NegativeInfinity), Options.Maximum ?? double.PositiveInfinity);
        }
        return values;
    }

    private void Move(double[][] elites)
    {
        for (int index = 0; index < Mean.Length; index++)
        {
            double mean = elites.Sum(elite => elite[index]) / elites.Length;
            double deviation = Math.Sqrt(elites.Sum(elite => (elite[index] - mean) * (elite[index] - mean)) / (elites.Length - 1));
            Mean[index] = mean * (1 - Options.Smoothing) + Mean[index] * Options.Smoothing;
            Deviation[index] = Math.Max(deviation * (1 - Options.Smoothing) + Deviation[index] * Options.Smoothing, Options.MinimumDeviation);
        }
    }

    private static double Rank(double value) => double.IsNaN(value) ? double.NegativeInfinity : value;

    private static double? Finite(double value) => double.IsFinite(value) ? value : null;
}
