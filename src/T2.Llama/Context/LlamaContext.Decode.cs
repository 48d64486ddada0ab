namespace T2.Llama;

/// <content>Computing tokens and reading logits.</content>
public sealed partial class LlamaContext
{
    // Held for reading by each decode under way, for writing by what must not run beside one.
    private static readonly ReaderWriterLockSlim s_decodes = new();

    /// <summary>
    /// Runs code while no context of this process is decoding; decodes begin when it has ended. For calls that wait for a whole device: llama.cpp records CUDA
    /// graphs while it decodes, such a call from another thread spoils the recording, and llama.cpp then ends the process.
    /// </summary>
    /// <param name="action">The code, which must not decode.</param>
    public static void BetweenDecodes(Action action)
    {
        ArgumentNullException.ThrowIfNull(action);
        s_decodes.EnterWriteLock();
        try
        {
            action();
        }
        finally
        {
            s_decodes.ExitWriteLock();
        }
    }

    /// <summary>Computes a batch and adds its tokens to the KV cache.</summary>
    /// <param name="batch">1 to <see cref="BatchSize"/> tokens.</param>
    /// <param name="cancellationToken">
    /// Stops the computation (CPU back ends only). Parts of the batch that were done by then stay in the KV cache.
    /// </param>
    /// <exception cref="LlamaException">
    /// <see cref="LlamaException.StatusCode"/> 1: no room in the KV cache; nothing was changed. −1: llama.cpp finds the batch
    /// invalid, for example for a gap in the positions; nothing was changed. Below −1: the computation failed.
    /// </exception>
    /// <exception cref="ArgumentException">A token or a sequence is none of this model and context, or the batch is empty or too large.</exception>
    /// <exception cref="OperationCanceledException">The computation was stopped.</exception>
    public void Decode(LlamaBatch batch, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(batch);
        RequireDecodable(batch);
        cancellationToken.ThrowIfCancellationRequested();
        using Turn turn = TakeTurn();
        using LlamaLogCapture log = LlamaLog.Capture();
        _decoded = 0;
        _abort.Arm(cancellationToken);
        int status;
        s_decodes.EnterReadLock();
        try
        {
            status = LlamaNative.llama_decode(Handle, batch.ToNative());
        }
        finally
        {
            s_decodes.ExitReadLock();
        }
        _abort.Arm(default);
        GC.KeepAlive(batch);
        if (status == 2)
            throw new OperationCanceledException("The decode was stopped.", cancellationToken);
        if (status != 0)
            throw new LlamaException($"Decoding {batch.Count} tokens failed: {Meaning(status)}.{log.Explanation}") { StatusCode = status };

        for (; _decoded < batch.Count; _decoded++)
            _hasLogits[_decoded] = batch.WantsLogits[_decoded] != 0;
    }

    /// <summary>
    /// The logits that follow one token of the last decoded batch, one per token of the vocabulary. They lie in memory of the
    /// context and are valid until its next decode or its disposal.
    /// </summary>
    /// <param name="index">The token's index in the batch, as <see cref="LlamaBatch.Add(int, int, int, bool)"/> returned it.</param>
    /// <exception cref="ArgumentOutOfRangeException">The last batch had no such token.</exception>
    /// <exception cref="InvalidOperationException">The logits of that token were not asked for.</exception>
    public unsafe ReadOnlySpan<float> Logits(int index)
    {
        if ((uint)index >= (uint)_decoded)
            throw new ArgumentOutOfRangeException(nameof(index), index, $"The last decoded batch has {_decoded} tokens.");
        if (!_hasLogits[index])
            throw new InvalidOperationException($"Logits of token {index} were not asked for when it was added to the batch.");
        using Turn turn = TakeTurn();
        float* logits = LlamaNative.llama_get_logits_ith(Handle, index);
        if (logits is null)
            throw new LlamaException($"llama.cpp has no logits for token {index} of the last batch.");
        return new ReadOnlySpan<float>(logits, _model.VocabularySize);
    }

    /// <summary>Whether the logits that the last decode gave out begin with a number each: NaN in a token's computation makes NaN of its whole row.</summary>
    public bool HasSoundLogits()
    {
        for (int index = 0; index < _decoded; index++)
        {
            if (_hasLogits[index] && !float.IsFinite(Logits(index)[0]))
                return false;
        }
        return true;
    }

    // llama.cpp answers most of these by ending the process.
    private void RequireDecodable(LlamaBatch batch)
    {
        if (batch.Count == 0)
            throw new ArgumentException("The batch is empty.", nameof(batch));
        if (batch.Count > BatchSize)
            throw new ArgumentException($"The batch has {batch.Count} tokens; this context takes {BatchSize} at a time.", nameof(batch));
        int vocabulary = _model.VocabularySize;
        for (int i = 0; i < batch.Count; i++)
        {
            if (batch.Tokens[i] >= vocabulary)
            {
                throw new ArgumentException(
                    $"Token {i} of the batch is {batch.Tokens[i]}; the vocabulary ends at {vocabulary - 1}.", nameof(batch));
            }

            foreach (int sequence in batch.SequencesOf(i))
            {
                if (sequence >= MaxSequences)
                {
                    throw new ArgumentException(
                        $"Token {i} of the batch is of sequence {sequence}; this context has {MaxSequences}, from 0.", nameof(batch));
                }
            }
        }
    }

    private static string Meaning(int status) => status switch
    {
        1 => "the KV cache has no room for them; make the batch smaller, remove sequences or make the context longer",
        -1 => "llama.cpp finds the batch invalid",
        _ => $"llama.cpp reports a fatal error (status {status}); part of the batch may be in the KV cache",
    };
}
