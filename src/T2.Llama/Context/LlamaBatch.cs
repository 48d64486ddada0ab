namespace T2.Llama;

/// <summary>
/// Tokens to be decoded together, each with its position and the sequences it belongs to. Holds a fixed number; reuse it
/// with <see cref="Clear"/>. Not thread-safe.
/// </summary>
public sealed class LlamaBatch
{
    // Arrays on the pinned heap: native code reads them where they lie, and the collector frees them.
    private readonly int[] _tokens;
    private readonly int[] _positions;
    private readonly int[] _sequenceCounts;
    private readonly int[] _sequences;
    private readonly nint[] _sequencePointers;
    private readonly sbyte[] _wantsLogits;

    /// <summary>Makes an empty batch.</summary>
    /// <param name="capacity">The most tokens it can hold.</param>
    /// <param name="maxSequencesPerToken">The most sequences that one token can belong to.</param>
    public LlamaBatch(int capacity, int maxSequencesPerToken = 1)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(capacity);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(maxSequencesPerToken);
        Capacity = capacity;
        MaxSequencesPerToken = maxSequencesPerToken;
        _tokens = GC.AllocateArray<int>(capacity, pinned: true);
        _positions = GC.AllocateArray<int>(capacity, pinned: true);
        _sequenceCounts = GC.AllocateArray<int>(capacity, pinned: true);
        _sequences = GC.AllocateArray<int>(checked(capacity * maxSequencesPerToken), pinned: true);
        _sequencePointers = GC.AllocateArray<nint>(capacity, pinned: true);
        _wantsLogits = GC.AllocateArray<sbyte>(capacity, pinned: true);
        unsafe
        {
            fixed (int* first = _sequences)
            {
                for (int i = 0; i < capacity; i++)
                    _sequencePointers[i] = (nint)(first + ((long)i * maxSequencesPerToken));
            }
        }
    }

    /// <summary>The most tokens it can hold.</summary>
    public int Capacity { get; }

    /// <summary>The most sequences that one token can belong to.</summary>
    public int MaxSequencesPerToken { get; }

    /// <summary>Number of tokens added.</summary>
    public int Count { get; private set; }

    /// <summary>Adds a token to one sequence.</summary>
    /// <param name="token">The token id.</param>
    /// <param name="position">Its position in the sequence, from 0.</param>
    /// <param name="sequence">The sequence, from 0.</param>
    /// <param name="wantsLogits">Whether the logits that follow this token are needed.</param>
    /// <returns>The index by which the context gives out the logits.</returns>
    /// <exception cref="InvalidOperationException">The batch is full.</exception>
    public int Add(int token, int position, int sequence = 0, bool wantsLogits = false) =>
        Add(token, position, [sequence], wantsLogits);

    /// <summary>Adds a token that several sequences share.</summary>
    /// <param name="token">The token id.</param>
    /// <param name="position">Its position in each sequence, from 0.</param>
    /// <param name="sequences">The sequences, from 0.</param>
    /// <param name="wantsLogits">Whether the logits that follow this token are needed.</param>
    /// <returns>The index by which the context gives out the logits.</returns>
    /// <exception cref="InvalidOperationException">The batch is full.</exception>
    public int Add(int token, int position, ReadOnlySpan<int> sequences, bool wantsLogits = false)
    {
        if (Count == Capacity)
            throw new InvalidOperationException($"The batch is full: it holds {Capacity} tokens.");
        ArgumentOutOfRangeException.ThrowIfNegative(token);
        ArgumentOutOfRangeException.ThrowIfNegative(position);
        if (sequences.Length == 0 || sequences.Length > MaxSequencesPerToken)
        {
            throw new ArgumentException(
                $"A token of this batch belongs to 1 to {MaxSequencesPerToken} sequences, not to {sequences.Length}.", nameof(sequences));
        }

        foreach (int sequence in sequences)
            ArgumentOutOfRangeException.ThrowIfNegative(sequence, nameof(sequences));

        int index = Count++;
        _tokens[index] = token;
        _positions[index] = position;
        _sequenceCounts[index] = sequences.Length;
        sequences.CopyTo(_sequences.AsSpan(index * MaxSequencesPerToken));
        _wantsLogits[index] = wantsLogits ? (sbyte)1 : (sbyte)0;
        return index;
    }

    /// <summary>Empties the batch.</summary>
    public void Clear() => Count = 0;

    internal ReadOnlySpan<int> Tokens => _tokens.AsSpan(0, Count);

    internal ReadOnlySpan<sbyte> WantsLogits => _wantsLogits.AsSpan(0, Count);

    internal ReadOnlySpan<int> SequencesOf(int index) =>
        _sequences.AsSpan(index * MaxSequencesPerToken, _sequenceCounts[index]);

    /// <summary>The native view; the batch must be kept alive while it is in use.</summary>
    internal unsafe LlamaBatchStruct ToNative()
    {
        fixed (int* tokens = _tokens, positions = _positions, counts = _sequenceCounts)
        fixed (nint* sequences = _sequencePointers)
        fixed (sbyte* logits = _wantsLogits)
        {
            return new LlamaBatchStruct
            {
                TokenCount = Count,
                Tokens = tokens,
                Positions = positions,
                SequenceCounts = counts,
                Sequences = (int**)sequences,
                WantsLogits = logits,
            };
        }
    }
}
