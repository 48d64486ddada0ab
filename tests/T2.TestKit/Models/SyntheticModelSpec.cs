using T2.Gguf;

namespace T2.TestKit;

/// <summary>Which tokenizer a synthetic model carries.</summary>
public enum VocabularyKind
{
    /// <summary>SentencePiece as of Llama 2: byte tokens, printable ASCII, some words; ChatML markers.</summary>
    Spm,

    /// <summary>Byte-level BPE with Qwen2's pre-tokenizer and its ChatML markers.</summary>
    Qwen2,

    /// <summary>Byte-level BPE with Llama 3's pre-tokenizer and its header markers.</summary>
    Llama3,
}

/// <summary>Everything that decides the bytes of a synthetic model. Two specs that are equal in all but types hold the same weights before quantising.</summary>
public sealed partial record SyntheticModelSpec
{
    /// <summary>Goes to <c>general.name</c>.</summary>
    public required string Name { get; init; }

    /// <summary>llama.cpp's name of the architecture: <c>llama</c>, <c>qwen2</c> (biases on q, k, v) or <c>phi3</c> (fused attn_qkv, gate and up fused in ffn_up).</summary>
    public string Architecture { get; init; } = "llama";

    /// <summary>Number of blocks.</summary>
    public required int Layers { get; init; }

    /// <summary>Width of the residual stream.</summary>
    public required int Embedding { get; init; }

    /// <summary>Width inside the feed-forward part.</summary>
    public required int FeedForward { get; init; }

    /// <summary>Query heads. Divides <see cref="Embedding"/>.</summary>
    public required int Heads { get; init; }

    /// <summary>Key and value heads. Divides <see cref="Heads"/>.</summary>
    public required int KvHeads { get; init; }

    /// <summary>Longest context the model claims, in tokens.</summary>
    public int Context { get; init; } = 512;

    /// <summary>Base of the rotary frequencies.</summary>
    public float RopeBase { get; init; } = 10_000f;

    /// <summary>Kind of tokenizer.</summary>
    public VocabularyKind Vocabulary { get; init; } = VocabularyKind.Spm;

    /// <summary>Number of tokens; what the tokenizer does not need is filled with made-up words. 0 takes just what it needs.</summary>
    public int VocabularySize { get; init; }

    /// <summary>Decides every weight together with the tensor's name.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Type wished for each matrix, by tensor name. Norms and biases are F32 whatever it says, and rows that do not divide into the type's blocks fall back as in <see cref="WeightTypes.Fit"/>.</summary>
    public Func<string, TensorType> TypeOf { get; init; } = WeightTypes.Uniform(TensorType.F32);

    /// <summary>Whether the output matrix is the token embedding (no <c>output.weight</c> in the file).</summary>
    public bool TieEmbeddings { get; init; } = true;

    /// <summary>Jinja text for <c>tokenizer.chat_template</c>; null leaves the key out.</summary>
    public string? ChatTemplate { get; init; } = ChatTemplates.ChatMl;

    /// <summary>Width of one head.</summary>
    public int HeadSize => Embedding / Heads;

    /// <summary>The same model with every matrix in <paramref name="type"/>.</summary>
    public SyntheticModelSpec WithType(TensorType type) => this with { TypeOf = WeightTypes.Uniform(type) };

    /// <summary>The same model in the type, or mixture of types, that <paramref name="name"/> stands for (<c>f16</c>, <c>q8_0</c>, <c>q4_k_m</c>, …; any case).</summary>
    /// <exception cref="ArgumentException">No such type, or one that cannot be written without an importance matrix.</exception>
    public SyntheticModelSpec WithType(string name) => this with { TypeOf = WeightTypes.Parse(name, this) };

    /// <summary>Checks what llama.cpp would otherwise assert on.</summary>
    /// <exception cref="ArgumentException">A dimension does not fit; the message names it.</exception>
    public void Validate()
    {
        if (Architecture is not ("llama" or "qwen2" or "phi3"))
            throw new ArgumentException($"Architecture '{Architecture}' is not one of llama, qwen2, phi3.");
        if (Layers < 1 || Embedding < 1 || FeedForward < 1 || Heads < 1 || KvHeads < 1 || Context < 1)
            throw new ArgumentException($"'{Name}': layers, embedding, feed-forward, heads, key/value heads and context must all be positive.");
        if (Embedding % Heads != 0 || HeadSize % 2 != 0)
            throw new ArgumentException($"'{Name}': an embedding of {Embedding} does not divide into {Heads} heads of even width.");
        if (Heads % KvHeads != 0)
            throw new ArgumentException($"'{Name}': {Heads} heads cannot share {KvHeads} key/value heads evenly.");
    }
}
