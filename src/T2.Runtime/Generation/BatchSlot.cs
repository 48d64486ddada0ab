namespace T2.Runtime;

/// <summary>One sequence of the KV cache and the answer under way in it.</summary>
internal sealed class BatchSlot(int sequence)
{
    /// <summary>The sequence's number in the KV cache.</summary>
    internal int Sequence => sequence;

    /// <summary>The answer under way; null when the slot is free.</summary>
    internal BatchJob? Job { get; set; }

    /// <summary>Tokens in the KV cache that prompts can share: the present prompt, or the last one of a free slot.</summary>
    internal int[] Cached { get; set; } = [];

    /// <summary>How many of <see cref="Cached"/> are decoded.</summary>
    internal int Decoded { get; set; }

    /// <summary>Tokens the next batch takes from this slot.</summary>
    internal int Planned { get; set; }

    /// <summary>Where the last batch has this slot's logits; −1 for nowhere.</summary>
    internal int Logits { get; set; } = -1;

    /// <summary>Whether the prompt is decoded and tokens are being generated.</summary>
    internal bool Generating => Job is not null && Decoded == Job.Prompt.Length;

    /// <summary>Tokens of a prompt that lie decoded in this slot, at most <paramref name="most"/>.</summary>
    internal int SharedWith(int[] prompt, int most) => Math.Min(most, Cached.AsSpan(0, Decoded).CommonPrefixLength(prompt));
}
