namespace T2.Training;

/// <summary>Dimensions and constants of a decoder: everything about it but its weights.</summary>
public sealed record ModelShape
{
    /// <summary>llama.cpp's name: <c>llama</c> or <c>qwen2</c>. Decides <see cref="RopeLayout"/>.</summary>
    public string Architecture { get; init; } = "llama";

    /// <summary>Number of tokens.</summary>
    public required int VocabularySize { get; init; }

    /// <summary>Number of blocks.</summary>
    public required int Layers { get; init; }

    /// <summary>Width of the residual stream.</summary>
    public required int Embedding { get; init; }

    /// <summary>Width inside the feed-forward part.</summary>
    public required int FeedForward { get; init; }

    /// <summary>Query heads.</summary>
    public required int Heads { get; init; }

    /// <summary>Key and value heads; divides <see cref="Heads"/>.</summary>
    public required int KvHeads { get; init; }

    /// <summary>Width of one head; 0 stands for Embedding / Heads.</summary>
    public int HeadSizeOrDefault { get; init; }

    /// <summary>Width of one head.</summary>
    public int HeadSize => HeadSizeOrDefault > 0 ? HeadSizeOrDefault : Embedding / Heads;

    /// <summary>Longest sequence in tokens.</summary>
    public int Context { get; init; } = 512;

    /// <summary>Base of the rotary frequencies.</summary>
    public float RopeBase { get; init; } = 10_000f;

    /// <summary>How many of a head's values are rotated; 0 stands for all.</summary>
    public int RopeDimensionsOrDefault { get; init; }

    /// <summary>How many of a head's values are rotated.</summary>
    public int RopeDimensions => RopeDimensionsOrDefault > 0 ? RopeDimensionsOrDefault : HeadSize;

    /// <summary>Which values are rotated together.</summary>
    public RopeLayout RopeLayout => Architecture == "llama" ? RopeLayout.Normal : RopeLayout.NeoX;

    /// <summary>ε inside the root of RMSNorm.</summary>
    public float RmsEpsilon { get; init; } = 1e-6f;

    /// <summary>Whether the token embedding is the output matrix too.</summary>
    public bool TiedEmbeddings { get; init; } = true;

    /// <summary>Whether q, k and v have biases (qwen2).</summary>
    public bool QkvBias { get; init; }

    /// <summary>Width of q and of what attention gives: Heads · HeadSize.</summary>
    public int QueryWidth => Heads * HeadSize;

    /// <summary>Width of k and of v: KvHeads · HeadSize.</summary>
    public int KvWidth => KvHeads * HeadSize;

    /// <summary>Checks that the dimensions fit together.</summary>
    /// <exception cref="ArgumentException">They do not; the message names the one at fault.</exception>
    public void Validate()
    {
        if (Architecture is not ("llama" or "qwen2"))
            throw new ArgumentException($"Architecture \"{Architecture}\" cannot be trained; these can: llama, qwen2.");
        if (VocabularySize < 2 || Layers < 1 || Embedding < 1 || FeedForward < 1 || Heads < 1 || KvHeads < 1 || Context < 1)
            throw new ArgumentException("Vocabulary, layers, embedding, feed-forward, heads, key/value heads and context must all be positive.");
        if (Heads % KvHeads != 0)
            throw new ArgumentException($"{Heads} heads cannot share {KvHeads} key/value heads evenly.");
        if (HeadSizeOrDefault == 0 && Embedding % Heads != 0)
            throw new ArgumentException($"An embedding of {Embedding} does not divide into {Heads} heads.");
        if (RopeDimensions % 2 != 0 || RopeDimensions > HeadSize)
            throw new ArgumentException($"{RopeDimensions} rotated values do not fit heads of {HeadSize}; the number must be even and no larger.");
        if (!(RmsEpsilon > 0) || !(RopeBase > 0))
            throw new ArgumentException($"RMSNorm's epsilon ({RmsEpsilon}) and the rotary base ({RopeBase}) must be positive.");
    }
}
