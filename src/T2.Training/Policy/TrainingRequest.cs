using T2.Tasks;

namespace T2.Training;

/// <summary>A run by gradient: what to train, from what, to where.</summary>
public sealed record TrainingRequest : TrainingJob
{
    /// <summary>Everything that decides what the run computes.</summary>
    public TrainingOptions Options { get; init; } = new();

    /// <summary>
    /// Questions, with answers, on which every step also holds the adapter to the base: what it is not to change. Those that <see cref="TrainingJob.Task"/> asks
    /// too are left out. null = none: KL is taken on the task's own questions only.
    /// </summary>
    public TaskSet? Anchor { get; init; }
}
