namespace T2.Training;

/// <summary>Everything that decides what a forward-only run computes, but the model and the task.</summary>
public sealed record SearchOptions
{
    /// <summary>Which weights are adapted.</summary>
    public WeightSelection Weights { get; init; } = WeightSelection.Mlp;

    /// <summary>Which of them share their numbers.</summary>
    public SpectrumGrouping Grouping { get; init; } = SpectrumGrouping.Weight;

    /// <summary>Bands that each spectrum is cut into, ≥ 1.</summary>
    public int Bands { get; init; } = 4;

    /// <summary>Generations, ≥ 1.</summary>
    public int Generations { get; init; } = 30;

    /// <summary>Candidates a generation, ≥ 3.</summary>
    public int Population { get; init; } = 32;

    /// <summary>Candidates the next generation is drawn around, 2 ≤ elites &lt; population.</summary>
    public int Elites { get; init; } = 8;

    /// <summary>Share of the old mean and deviation in the new ones, 0 ≤ s &lt; 1: slows the narrowing down, which scores on few questions need.</summary>
    public double Smoothing { get; init; } = 0.3;

    /// <summary>Standard deviation of the first generation about z = 1, &gt; 0.</summary>
    public double Deviation { get; init; } = 0.1;

    /// <summary>Subtracted from a candidate's score for each unit of the mean square of z − 1, ≥ 0: what keeps z near the base.</summary>
    public double Penalty { get; init; } = 1;

    /// <summary>Questions that each candidate of a generation answers, the same for all, ≥ 1.</summary>
    public int Batch { get; init; } = 64;

    /// <summary>Generations between two validations, ≥ 1.</summary>
    public int ValidateEvery { get; init; } = 5;

    /// <summary>Validations in a row without a better one after which the run ends; 0 = never.</summary>
    public int Patience { get; init; } = 4;

    /// <summary>Generations in a row in which no answer is right, after which the run ends as hopeless.</summary>
    public int HopelessAfter { get; init; } = 3;

    /// <summary>Decides the order of questions and every candidate.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Checks that every option makes sense.</summary>
    /// <exception cref="ArgumentException">One is out of its range; the message names it.</exception>
    public void Validate()
    {
        Weights.Validate();
        OptionRange.Require(Bands >= 1, nameof(Bands), Bands, "at least 1");
        OptionRange.Require(Generations >= 1, nameof(Generations), Generations, "at least 1");
        OptionRange.Require(Population >= 3, nameof(Population), Population, "at least 3");
        OptionRange.Require(Elites >= 2 && Elites < Population, nameof(Elites), Elites, "at least 2 and less than the population");
        OptionRange.Require(Smoothing is >= 0 and < 1, nameof(Smoothing), Smoothing, "at least 0 and less than 1");
        OptionRange.Require(Deviation > 0 && double.IsFinite(Deviation), nameof(Deviation), Deviation, "a positive number");
        OptionRange.Require(Penalty >= 0 && double.IsFinite(Penalty), nameof(Penalty), Penalty, "0 or more");
        OptionRange.Require(Batch >= 1, nameof(Batch), Batch, "at least 1");
        OptionRange.Require(ValidateEvery >= 1, nameof(ValidateEvery), ValidateEvery, "at least 1");
        OptionRange.Require(Patience >= 0, nameof(Patience), Patience, "0 or more");
        OptionRange.Require(HopelessAfter >= 1, nameof(HopelessAfter), HopelessAfter, "at least 1");
    }
}
