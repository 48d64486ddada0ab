namespace T2.Llama;

/// <summary>How the next token is chosen. The order is llama.cpp's own: grammar, penalties, top-k, top-p, min-p, temperature, draw.</summary>
public sealed record LlamaSamplingOptions
{
    /// <summary>Always the most probable token.</summary>
    public static LlamaSamplingOptions Greedy { get; } = new() { Temperature = 0 };

    /// <summary>Divides the logits; higher is more varied. 0 or less takes the most probable token and makes TopK, TopP, MinP and Seed irrelevant.</summary>
    public float Temperature { get; init; } = 0.8f;

    /// <summary>Keeps the k most probable tokens; 0 or less keeps all.</summary>
    public int TopK { get; init; } = 40;

    /// <summary>Keeps the fewest most probable tokens whose probabilities add up to this; 1 keeps all.</summary>
    public float TopP { get; init; } = 0.95f;

    /// <summary>Keeps tokens at least this fraction as probable as the most probable one; 0 keeps all.</summary>
    public float MinP { get; init; } = 0.05f;

    /// <summary>Begins the random numbers; null draws a seed, which <see cref="LlamaSampler.Seed"/> tells.</summary>
    public uint? Seed { get; init; }

    /// <summary>Divides the positive and multiplies the negative logits of recent tokens; 1 leaves them.</summary>
    public float RepeatPenalty { get; init; } = 1;

    /// <summary>Subtracted from a recent token's logit for each time it occurs; 0 leaves it.</summary>
    public float FrequencyPenalty { get; init; }

    /// <summary>Subtracted from the logit of every recent token; 0 leaves it.</summary>
    public float PresencePenalty { get; init; }

    /// <summary>How many tokens back count as recent for the three penalties.</summary>
    public int RepeatLastN { get; init; } = 64;

    /// <summary>A GBNF grammar that the output must follow, or null. Its start symbol is "root".</summary>
    public string? Grammar { get; init; }
}
