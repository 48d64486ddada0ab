using T2.Llama;

namespace T2.Runtime;

/// <summary>What holds for one prompt.</summary>
public sealed record AskOptions
{
    /// <summary>Which weights answer.</summary>
    public Adaptation Adaptation { get; init; } = Adaptation.Dispatch;

    /// <summary>How pass 1 decides, for this prompt; null = as the session does.</summary>
    public IDispatchStrategy? Dispatch { get; init; }

    /// <summary>Whether a prompt within a conversation is dispatched anew. Otherwise the conversation stays with the expert that its first prompt was given.</summary>
    public bool Redispatch { get; init; }

    /// <summary>Most tokens to generate; −1 = until the model ends or the context is full.</summary>
    public int MaxTokens { get; init; } = 512;

    /// <summary>Whether generation goes on past what the model ends its text with, until <see cref="MaxTokens"/> or a full context: for measuring.</summary>
    public bool IgnoreEnd { get; init; }

    /// <summary>Sampling, through llama.cpp's own chain.</summary>
    public LlamaSamplingOptions Sampling { get; init; } = new();

    /// <summary>Told as each stage ends; called on the generating thread.</summary>
    public IProgress<StageReport>? Progress { get; init; }

    /// <summary>Told while factors are computed, should the sidecar lack some.</summary>
    public IProgress<T2.Kernels.FactorProgress>? FactorProgress { get; init; }
}
