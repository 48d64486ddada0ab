namespace T2.Runtime;

/// <summary>How a <see cref="BatchGenerator"/> is made.</summary>
public sealed record BatchOptions
{
    /// <summary>Answers under way at a time, 1..256.</summary>
    public int Sequences { get; init; } = 64;

    /// <summary>Context length of one answer in tokens, prompt and answer together. The KV cache holds <see cref="Sequences"/> times as many.</summary>
    public int ContextLength { get; init; } = 512;

    /// <summary>Most tokens computed at a time, at least <see cref="Sequences"/>; 0 = 512, or as many as there are sequences. Cancellation is observed between.</summary>
    public int BatchSize { get; init; }

    /// <summary>Threads for decoding; 0 = one for every megabyte of weights, at most all processors.</summary>
    public int Threads { get; init; }

    /// <summary>How messages become a prompt.</summary>
    public ChatFormat Format { get; init; } = ChatFormat.Auto;

    internal int ThreadsFor(long modelBytes) => Threads > 0 ? Threads : (int)Math.Clamp(modelBytes >> 20, 1, Environment.ProcessorCount);
}
