namespace T2.Training;

/// <summary>A forward-only run: what to search, by what, to where.</summary>
public sealed record SearchRequest : TrainingJob
{
    /// <summary>Everything that decides what the run computes.</summary>
    public SearchOptions Options { get; init; } = new();
}
