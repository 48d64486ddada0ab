namespace T2.Llama;

/// <content>The KV cache.</content>
public sealed partial class LlamaContext
{
    /// <summary>Forgets all tokens. Needed after the weights have changed: what is cached was computed with the old ones.</summary>
    public void ClearMemory() => ClearMemory(data: true);

    /// <summary>Forgets all tokens.</summary>
    /// <param name="data">
    /// Whether their keys and values are overwritten with zeros as well, which takes the time of writing the whole cache. What is left lying is multiplied by 0 in
    /// later decodes: that is nothing, unless it is NaN or infinity.
    /// </param>
    public void ClearMemory(bool data)
    {
        using Turn turn = TakeTurn();
        LlamaNative.llama_memory_clear(Memory(), data);
    }

    /// <summary>Forgets the tokens of a sequence at positions from <paramref name="from"/> up to but not including <paramref name="to"/>.</summary>
    /// <param name="sequence">The sequence, or −1 for all.</param>
    /// <param name="from">The first position; negative means 0.</param>
    /// <param name="to">The position after the last; negative means the end.</param>
    /// <returns>False when this kind of model cannot forget a part of a sequence.</returns>
    public bool SequenceRemove(int sequence, int from = -1, int to = -1)
    {
        if (sequence != -1)
            RequireSequence(sequence);
        using Turn turn = TakeTurn();
        return LlamaNative.llama_memory_seq_rm(Memory(), sequence, from, to);
    }

    /// <summary>Makes the tokens of one sequence also those of another.</summary>
    /// <param name="source">The sequence to copy.</param>
    /// <param name="destination">The sequence that gets the tokens.</param>
    /// <param name="from">The first position; negative means 0.</param>
    /// <param name="to">The position after the last; negative means the end.</param>
    /// <exception cref="InvalidOperationException">A part was asked for, which only a context with UnifiedKv can copy.</exception>
    public void SequenceCopy(int source, int destination, int from = -1, int to = -1)
    {
        RequireSequence(source);
        RequireSequence(destination);
        if (!Options.UnifiedKv && source != destination && (from > 0 || to >= 0))
            throw new InvalidOperationException("Only a context with UnifiedKv can copy a part of a sequence.");
        using Turn turn = TakeTurn();
        LlamaNative.llama_memory_seq_cp(Memory(), source, destination, from, to);
    }

    /// <summary>Forgets the tokens of all sequences but one.</summary>
    /// <param name="sequence">The sequence to keep.</param>
    public void SequenceKeep(int sequence)
    {
        RequireSequence(sequence);
        using Turn turn = TakeTurn();
        nint memory = Memory();
        // llama_memory_seq_keep leaves the others alone where each sequence has a part of the cache of its own.
        for (int other = 0; other < MaxSequences; other++)
        {
            if (other != sequence)
                LlamaNative.llama_memory_seq_rm(memory, other, -1, -1);
        }
    }

    /// <summary>The position of a sequence's last token, or −1 when it has none.</summary>
    /// <param name="sequence">The sequence.</param>
    public int SequenceEnd(int sequence)
    {
        RequireSequence(sequence);
        using Turn turn = TakeTurn();
        return LlamaNative.llama_memory_seq_pos_max(Memory(), sequence);
    }

    /// <summary>A copy of what the KV cache holds of a sequence, for <see cref="RestoreSequence"/>. It is worth nothing under other weights.</summary>
    /// <param name="sequence">The sequence.</param>
    /// <exception cref="LlamaException">llama.cpp cannot copy it.</exception>
    public unsafe byte[] SaveSequence(int sequence)
    {
        RequireSequence(sequence);
        using Turn turn = TakeTurn();
        var state = new byte[checked((int)LlamaNative.llama_state_seq_get_size(Handle, sequence))];
        fixed (byte* destination = state)
        {
            if (LlamaNative.llama_state_seq_get_data(Handle, destination, (nuint)state.Length, sequence) != (nuint)state.Length)
                throw new LlamaException($"llama.cpp could not copy sequence {sequence} out of the KV cache.");
        }
        return state;
    }

    /// <summary>Puts a copy made by <see cref="SaveSequence"/> into the KV cache of this context, or of another made the same way.</summary>
    /// <param name="sequence">The sequence that gets the tokens; what it had is forgotten.</param>
    /// <param name="state">The copy.</param>
    /// <exception cref="LlamaException">There is no room, or the copy is of another kind of context.</exception>
    public unsafe void RestoreSequence(int sequence, ReadOnlySpan<byte> state)
    {
        RequireSequence(sequence);
        using Turn turn = TakeTurn();
        using LlamaLogCapture log = LlamaLog.Capture();
        fixed (byte* source = state)
        {
            if (LlamaNative.llama_state_seq_set_data(Handle, source, (nuint)state.Length, sequence) == 0)
                throw new LlamaException($"llama.cpp could not put a copy back into the KV cache.{log.Explanation}");
        }
    }

    private nint Memory()
    {
        nint memory = LlamaNative.llama_get_memory(Handle);
        return memory != 0 ? memory : throw new LlamaException($"{_model.Path} is a model without a KV cache.");
    }

    private void RequireSequence(int sequence)
    {
        if ((uint)sequence >= (uint)MaxSequences)
            throw new ArgumentOutOfRangeException(nameof(sequence), sequence, $"This context has sequences 0 to {MaxSequences - 1}.");
    }
}
