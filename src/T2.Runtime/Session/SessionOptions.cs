namespace T2.Runtime;

/// <summary>What holds for every prompt of a session.</summary>
public sealed record SessionOptions
{
    /// <summary>Context length in tokens, prompt and answer together; 0 = what the model was trained for.</summary>
    public int ContextLength { get; init; } = 4096;

    /// <summary>Prompt tokens decoded at a time. Cancellation is observed between batches.</summary>
    public int BatchSize { get; init; } = 512;

    /// <summary>Threads for decoding; 0 = one for every 4 MB of weights, at most all processors: threads wait for one another at every node of the graph, so a small model runs best on few.</summary>
    public int Threads { get; init; }

    /// <summary>How pass 1 decides.</summary>
    public IDispatchStrategy Dispatch { get; init; } = new ScoredChoiceDispatch();

    /// <summary>How messages become a prompt.</summary>
    public ChatFormat Format { get; init; } = ChatFormat.Auto;

    /// <summary>A system message put before every prompt; null = none.</summary>
    public string? SystemMessage { get; init; }

    /// <summary>Whether earlier questions and answers stay part of the prompt.</summary>
    public bool KeepConversation { get; init; }

    internal int ThreadsFor(long modelBytes) => Threads > 0 ? Threads : (int)Math.Clamp(modelBytes / (4 << 20), 1, Environment.ProcessorCount);
}
