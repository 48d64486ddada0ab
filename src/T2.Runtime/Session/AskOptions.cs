using T2.Llama;

namespace T2.Runtime;

/// <summary>What holds for one prompt.</summary>
public sealed record AskOptions
{
    /// <summary>Which weights answer.</summary>
    public Adaptation Adaptation { get; init; } = Adaptation.Dispatch;

    /// <summary>Most tokens to generate; −1 = until the model ends or the context is full.</summary>
    public int MaxTokens { get; init; } = 512;

    /// <summary>Sampling, through llama.cpp's own chain.</summary>
    public LlamaSamplingOptions Sampling { get; init; } = new();

    /// <summary>Told as each stage ends; called on the generating thread.</summary>
    public IProgress<StageReport>? Progress { get; init; }

    /// <summary>Told while factors are computed, should the sidecar lack some.</summary>
    public IProgress<T2.Kernels.FactorProgress>? FactorProgress { get; init; }
}
