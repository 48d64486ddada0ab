using T2.Llama;
using T2.Runtime;

namespace T2.Cli;

/// <summary>A <c>t2 run</c>, checked as far as it can be before anything is loaded.</summary>
internal sealed record RunRequest
{
    internal required string ModelPath { get; init; }

    /// <summary>The first or only prompt; null = none was given, ask the terminal.</summary>
    internal required string? Prompt { get; init; }

    /// <summary>Whether to go on asking for prompts.</summary>
    internal required bool Interactive { get; init; }

    internal required ModelOptions Model { get; init; }

    internal required LlamaSamplingOptions Sampling { get; init; }

    /// <summary>Expert files and folders for the library.</summary>
    internal required IReadOnlyList<string> Experts { get; init; }

    /// <summary>Name or file of a fixed expert; null = none.</summary>
    internal required string? Expert { get; init; }

    /// <summary>A fixed mixture; null = none.</summary>
    internal required IReadOnlyList<WeightedName>? Mix { get; init; }

    /// <summary>Whether pass 1 chooses, where neither expert nor mixture is fixed.</summary>
    internal required bool Dispatches { get; init; }

    /// <summary>How pass 1 chooses.</summary>
    internal required DispatchChoice Choice { get; init; }

    /// <summary>The few-shot search to find weights by first; null = none.</summary>
    internal required FewShotRequest? Search { get; init; }

    /// <summary>Chat template's name, <c>plain</c>, or null for the model's own.</summary>
    internal required string? ChatTemplate { get; init; }

    internal required string? SystemPrompt { get; init; }

    internal required int MaxTokens { get; init; }

    /// <summary>In tokens; 0 = what the model was trained for; null = that, or the runtime's default where it is less.</summary>
    internal required int? ContextLength { get; init; }

    internal required int Threads { get; init; }

    internal required bool Verbose { get; init; }

    internal required bool Json { get; init; }
}
