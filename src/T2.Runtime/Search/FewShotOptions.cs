namespace T2.Runtime.Search;

/// <summary>How a <see cref="FewShotSearch"/> looks for a mixture. The defaults are the paper's.</summary>
public sealed record FewShotOptions
{
    /// <summary>The paper's cheap variant: 3 shots and 10 generations.</summary>
    public static FewShotOptions Light { get; } = new() { Shots = 3, Generations = 10 };

    /// <summary>Items of the task that candidates answer, taken from its beginning.</summary>
    public int Shots { get; init; } = 10;

    /// <summary>Generations at most.</summary>
    public int Generations { get; init; } = 100;

    /// <summary>Candidates of a generation.</summary>
    public int Population { get; init; } = 32;

    /// <summary>Candidates the next generation is drawn from.</summary>
    public int Elites { get; init; } = 6;

    /// <summary>Deviation of the first generation around equal shares.</summary>
    public double Deviation { get; init; } = 0.5;

    /// <summary>Whether each weight has shares of its own ("per layer and matrix") instead of all having the same ("per vector").</summary>
    public bool PerWeight { get; init; }

    /// <summary>Whether shares are divided by their sum, so that they add up to 1. Otherwise what they lack of 1 is the base's share.</summary>
    public bool Normalise { get; init; }

    /// <summary>Begins the random numbers.</summary>
    public ulong Seed { get; init; }

    /// <summary>Where the search's state is kept after every generation, and taken up from; null = nowhere.</summary>
    public string? StatePath { get; init; }

    /// <summary>Name of the expert that is found.</summary>
    public string Name { get; init; } = "fewshot";

    /// <summary>How shots are answered; null = as many at a time as there are shots, at most 64.</summary>
    public BatchOptions? Batch { get; init; }
}
