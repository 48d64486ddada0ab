using T2.Llama;

namespace T2.Runtime;

/// <summary>One of many prompts.</summary>
/// <param name="Prompt">The user's message.</param>
public sealed record BatchRequest(string Prompt)
{
    /// <summary>A system message before the prompt; null for none.</summary>
    public string? System { get; init; }

    /// <summary>Most tokens to generate; −1 = until the model ends or the context is full.</summary>
    public int MaxTokens { get; init; } = 256;

    /// <summary>How tokens are chosen. Temperature 0, and plain softmax sampling (TopK 0, TopP 1, MinP 0, no penalties, no grammar), cost least.</summary>
    public LlamaSamplingOptions Sampling { get; init; } = LlamaSamplingOptions.Greedy;

    /// <summary>Begins the answer's own random numbers; takes the place of the sampling options' seed.</summary>
    public ulong Seed { get; init; }

    /// <summary>Whether the prompt goes to the model as it is, without chat format and system message.</summary>
    public bool Raw { get; init; }

    /// <summary>The prompt's tokens, if they are known; they take the place of <see cref="Prompt"/> and <see cref="System"/>.</summary>
    public IReadOnlyList<int>? PromptTokens { get; init; }

    /// <summary>Anything the caller wants back with the answer.</summary>
    public object? Tag { get; init; }
}
