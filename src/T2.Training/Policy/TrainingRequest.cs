namespace T2.Training;

/// <summary>A run by gradient: what to train, from what, to where.</summary>
public sealed record TrainingRequest : TrainingJob
{
    /// <summary>Everything that decides what the run computes.</summary>
    public TrainingOptions Options { get; init; } = new();
}
