using System.Collections.Immutable;

namespace T2.TestKit;

public sealed partial record SyntheticModelSpec
{
    /// <summary>Two blocks of 256: written and loaded in milliseconds, and every K-quant applies.</summary>
    public static SyntheticModelSpec Tiny256 { get; } = new()
    {
        Name = "tiny256",
        Layers = 2,
        Embedding = 256,
        FeedForward = 512,
        Heads = 4,
        KvHeads = 2,
    };

    /// <summary><see cref="Tiny256"/> with an output matrix of its own.</summary>
    public static SyntheticModelSpec Tiny256Untied { get; } = Tiny256 with { Name = "tiny256-untied", TieEmbeddings = false };

    /// <summary><see cref="Tiny256"/> with query, key and value in one matrix, and gate and up in another.</summary>
    public static SyntheticModelSpec TinyFusedQkv { get; } = Tiny256 with { Name = "tiny-fused-qkv", Architecture = "phi3" };

    /// <summary><see cref="Tiny256"/> with biases and a byte-level BPE tokenizer.</summary>
    public static SyntheticModelSpec TinyQwen2 { get; } = Tiny256 with
    {
        Name = "tiny-qwen2",
        Architecture = "qwen2",
        Vocabulary = VocabularyKind.Qwen2,
    };

    /// <summary>The shapes of Qwen2.5-0.5B: 494 million weights, rows of 896 that K-quants do not divide.</summary>
    public static SyntheticModelSpec Qwen2_5_0_5B { get; } = new()
    {
        Name = "qwen2.5-0.5b-shaped",
        Architecture = "qwen2",
        Layers = 24,
        Embedding = 896,
        FeedForward = 4864,
        Heads = 14,
        KvHeads = 2,
        Context = 32_768,
        RopeBase = 1_000_000f,
        Vocabulary = VocabularyKind.Qwen2,
        VocabularySize = 151_936,
    };

    /// <summary>The shapes of Llama-3.2-1B: 1.24 billion weights.</summary>
    public static SyntheticModelSpec Llama3_2_1B { get; } = new()
    {
        Name = "llama-3.2-1b-shaped",
        Layers = 16,
        Embedding = 2048,
        FeedForward = 8192,
        Heads = 32,
        KvHeads = 8,
        Context = 131_072,
        RopeBase = 500_000f,
        Vocabulary = VocabularyKind.Llama3,
        VocabularySize = 128_256,
        ChatTemplate = ChatTemplates.Llama3,
    };

    /// <summary>The presets by the name a command line gives them.</summary>
    public static ImmutableSortedDictionary<string, SyntheticModelSpec> Presets { get; } = new Dictionary<string, SyntheticModelSpec>
    {
        ["tiny256"] = Tiny256,
        ["tiny256-untied"] = Tiny256Untied,
        ["tiny-fused-qkv"] = TinyFusedQkv,
        ["tiny-qwen2"] = TinyQwen2,
        ["qwen2.5-0.5b"] = Qwen2_5_0_5B,
        ["llama-3.2-1b"] = Llama3_2_1B,
    }.ToImmutableSortedDictionary(StringComparer.OrdinalIgnoreCase);
}
