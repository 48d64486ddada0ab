namespace T2.Runtime.Search;

/// <summary>How a <see cref="CrossEntropySearch"/> draws and chooses.</summary>
public sealed record CrossEntropyOptions
{
    /// <summary>Candidates of a generation, at least <see cref="Elites"/>.</summary>
    public int Population { get; init; } = 32;

    /// <summary>Candidates whose mean and deviation the next generation is drawn from, at least 2: one alone has no deviation.</summary>
    public int Elites { get; init; } = 6;

    /// <summary>Generations after which <see cref="CrossEntropySearch.IsOver"/>, at least 1.</summary>
    public int Iterations { get; init; } = 100;

    /// <summary>Begins the random numbers.</summary>
    public ulong Seed { get; init; }

    /// <summary>Candidates are clipped from below; null = not.</summary>
    public double? Minimum { get; init; }

    /// <summary>Candidates are clipped from above; null = not.</summary>
    public double? Maximum { get; init; }

    /// <summary>Share of the old mean and deviation in the new ones, 0 ≤ s &lt; 1.</summary>
    public double Smoothing { get; init; }

    /// <summary>Deviations do not shrink below this.</summary>
    public double MinimumDeviation { get; init; }

    /// <summary>
    /// Whether a generation's first candidate is the best of the generation before, to compete anew; in the first generation it is the initial mean. Otherwise all
    /// candidates are drawn.
    /// </summary>
    public bool ReevaluateBest { get; init; } = true;

    /// <exception cref="ArgumentOutOfRangeException">A value is out of its range.</exception>
    internal void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(Elites, 2);
        ArgumentOutOfRangeException.ThrowIfLessThan(Population, Elites);
        ArgumentOutOfRangeException.ThrowIfLessThan(Iterations, 1);
        if (!(Smoothing is >= 0 and < 1))
            throw new ArgumentOutOfRangeException(nameof(Smoothing), Smoothing, "The smoothing must be at least 0 and below 1.");
        if (!(MinimumDeviation >= 0 && double.IsFinite(MinimumDeviation)))
            throw new ArgumentOutOfRangeException(nameof(MinimumDeviation), MinimumDeviation, "The smallest deviation must be finite and not negative.");
        if (!((Minimum ?? double.MinValue) < (Maximum ?? double.MaxValue)))
            throw new ArgumentOutOfRangeException(nameof(Minimum), Minimum, "The minimum must be below the maximum.");
    }
}
