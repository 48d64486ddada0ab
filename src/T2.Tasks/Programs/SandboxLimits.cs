namespace T2.Tasks;

/// <summary>What a program in the <see cref="Sandbox"/> may use.</summary>
public sealed record SandboxLimits
{
    /// <summary>Wall time; whoever takes longer is ended with all it started.</summary>
    public TimeSpan Time { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Processor time of each process, in whole seconds.</summary>
    public int ProcessorSeconds { get; init; } = 5;

    /// <summary>Address space of each process in bytes.</summary>
    public long Memory { get; init; } = 512L << 20;

    /// <summary>Length of a file it may write, in bytes.</summary>
    public long FileLength { get; init; } = 10L << 20;
}
