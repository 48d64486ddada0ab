namespace T2.Recipes;

/// <summary>How much <see cref="AdaptationEvidence"/> measures.</summary>
internal sealed record AdaptationSize
{
    /// <summary>Questions of each task; null = all.</summary>
    public int? Items { get; init; }

    /// <summary>Names of the tasks; null = all skills with an expert and all unseen tasks.</summary>
    public IReadOnlyList<string>? Tasks { get; init; }

    /// <summary>Examples a mixture is searched for by.</summary>
    public int Shots { get; init; } = 10;

    /// <summary>Generations of a search.</summary>
    public int Generations { get; init; } = 10;

    /// <summary>Candidates of a generation.</summary>
    public int Population { get; init; } = 32;

    /// <summary>Candidates the next generation is drawn from.</summary>
    public int Elites { get; init; } = 6;

    /// <summary>Numbers of examples to compare.</summary>
    public IReadOnlyList<int> ShotCounts { get; init; } = [3, 5, 10, 20];

    /// <summary>Numbers of generations to compare.</summary>
    public IReadOnlyList<int> Budgets { get; init; } = [2, 5, 10, 30];

    /// <summary>Times that examples are drawn anew, where numbers are compared: few examples are a matter of luck.</summary>
    public int Draws { get; init; } = 3;

    /// <summary>Generations of a search that is run for its time only; the median of three.</summary>
    public int TimedGenerations { get; init; } = 1;

    /// <summary>Candidates of a generation of such a search.</summary>
    public int TimedPopulation { get; init; } = 8;

    /// <summary>Examples of a draw: as many as any search takes.</summary>
    public int ShotsOfDraw => Math.Max(Shots, ShotCounts.Max());
}
