namespace T2.Training;

/// <summary>Where a run stands.</summary>
public sealed record TrainingProgress
{
    /// <summary>What it is doing, in a word or two: "sampling", "validating".</summary>
    public required string Phase { get; init; }

    /// <summary>Steps done.</summary>
    public required int Step { get; init; }

    /// <summary>Steps asked for.</summary>
    public required int Steps { get; init; }

    /// <summary>The last finished step; null before the first.</summary>
    public StepRecord? Last { get; init; }

    /// <summary>Share of validation questions answered right by the base, 0 to 1.</summary>
    public double? ValidationBefore { get; init; }

    /// <summary>The same by the adapter when last validated.</summary>
    public double? Validation { get; init; }

    /// <summary>The best of these.</summary>
    public double? BestValidation { get; init; }

    /// <summary>The step of the best.</summary>
    public int BestStep { get; init; }

    /// <summary>Wall time of this process's part of the run.</summary>
    public required TimeSpan Elapsed { get; init; }

    /// <summary>Estimated time left, if every step is done; null before the first step.</summary>
    public TimeSpan? Remaining { get; init; }
}
