namespace T2.Kernels;

/// <summary>What computing factors may use of the machine.</summary>
public sealed record FactorOptions
{
    /// <summary>Upper bound of threads over all matrices worked on at once. Default: the number of processors.</summary>
    public int Threads { get; init; } = Environment.ProcessorCount;

    /// <summary>
    /// Upper bound of working memory in bytes, the mapped files not counted. Fewer matrices are worked on at once to stay below it. Default: half of what
    /// the process may use.
    /// </summary>
    public long MemoryBudgetBytes { get; init; } = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 2;
}
