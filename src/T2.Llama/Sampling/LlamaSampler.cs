namespace T2.Llama;

/// <summary>
/// Chooses tokens. Remembers the tokens it chose, for the penalties and the grammar, so it serves one sequence; not thread-safe.
/// </summary>
public sealed class LlamaSampler : IDisposable
{
    private readonly SafeSamplerHandle _chain;
    private readonly SafeSamplerHandle? _grammar;
    private readonly LlamaVocabulary _vocabulary;
    private readonly LlamaTokenData[] _candidates;

    /// <summary>Makes a sampler for the vocabulary of a model.</summary>
    /// <param name="model">The model.</param>
    /// <param name="options">How to choose; the defaults when null.</param>
    /// <exception cref="LlamaException">The grammar has an error; the message quotes it.</exception>
    /// <exception cref="ArgumentException">An option is not a number, or out of range.</exception>
    public LlamaSampler(LlamaModel model, LlamaSamplingOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        Options = options ?? new LlamaSamplingOptions();
        SamplingChain.Require(Options);
        Seed = Options.Seed ?? (uint)Random.Shared.NextInt64(uint.MaxValue);
        _vocabulary = model.Vocabulary;
        _grammar = Options.Grammar is null ? null : SamplingChain.Grammar(_vocabulary, Options.Grammar);
        _chain = SamplingChain.Create(Options, Seed, _vocabulary.Count);
        _candidates = GC.AllocateUninitializedArray<LlamaTokenData>(_vocabulary.Count, pinned: true);
    }

    /// <summary>The options it was made with.</summary>
    public LlamaSamplingOptions Options { get; }

    /// <summary>The seed in use: with it the same sampler can be made again.</summary>
    public uint Seed { get; }

    /// <summary>Chooses the token that follows one token of the last decoded batch, and remembers it as <see cref="Accept"/> does.</summary>
    /// <param name="context">A context of the same model.</param>
    /// <param name="index">The token's index in the batch; its logits must have been asked for.</param>
    /// <returns>The chosen token.</returns>
    /// <exception cref="LlamaException">
    /// The logits hold NaN or infinity or nothing else than minus infinity, which broken weights lead to, or the grammar allows none of the vocabulary's tokens.
    /// </exception>
    public int Sample(LlamaContext context, int index)
    {
        ArgumentNullException.ThrowIfNull(context);
        return Sample(context.Logits(index));
    }

    /// <summary>Chooses a token by its logits, and remembers it as <see cref="Accept"/> does.</summary>
    /// <param name="logits">One per token of the vocabulary.</param>
    /// <returns>The chosen token.</returns>
    /// <exception cref="LlamaException">
    /// The logits hold NaN or infinity or nothing else than minus infinity, which broken weights lead to, or the grammar allows none of the vocabulary's tokens.
    /// </exception>
    public unsafe int Sample(ReadOnlySpan<float> logits)
    {
        ObjectDisposedException.ThrowIf(_chain.IsClosed, this);
        Fill(logits);
        int token;
        fixed (LlamaTokenData* data = _candidates)
        {
            var candidates = new LlamaTokenDataArray { Data = data, Size = (nuint)_candidates.Length, Selected = -1 };
            if (_grammar is not null)
                LlamaNative.llama_sampler_apply(_grammar, &candidates);
            RequireOneAllowed();
            LlamaNative.llama_sampler_apply(_chain, &candidates);
            if (candidates.Selected < 0 || (nuint)candidates.Selected >= candidates.Size)
                throw new LlamaException("llama.cpp's samplers chose no token.");
            token = candidates.Data[candidates.Selected].Token;
        }

        if (_grammar is not null)
            LlamaNative.llama_sampler_accept(_grammar, token);
        LlamaNative.llama_sampler_accept(_chain, token);
        return token;
    }

    /// <summary>Remembers a token of the output that was chosen elsewhere: for the penalties, and as the grammar's next token.</summary>
    /// <param name="token">The token.</param>
    /// <exception cref="LlamaException">The grammar does not allow the token here.</exception>
    public unsafe void Accept(int token)
    {
        _vocabulary.RequireToken(token);
        if (_grammar is not null)
        {
            // Accepting a forbidden token throws inside llama.cpp, which ends the process; so the grammar is asked first.
            var single = new LlamaTokenData { Token = token };
            var candidates = new LlamaTokenDataArray { Data = &single, Size = 1, Selected = -1 };
            LlamaNative.llama_sampler_apply(_grammar, &candidates);
            if (float.IsNegativeInfinity(single.Logit))
                throw new LlamaException($"The grammar does not allow token {token} here.");
            LlamaNative.llama_sampler_accept(_grammar, token);
        }

        LlamaNative.llama_sampler_accept(_chain, token);
    }

    /// <summary>Remembers tokens of the prompt for the penalties; the grammar does not see them.</summary>
    /// <param name="tokens">The tokens.</param>
    public void AcceptPrompt(ReadOnlySpan<int> tokens)
    {
        foreach (int token in tokens)
        {
            _vocabulary.RequireToken(token);
            LlamaNative.llama_sampler_accept(_chain, token);
        }
    }

    /// <summary>Forgets all tokens and begins the grammar and the random numbers anew.</summary>
    public void Reset()
    {
        if (_grammar is not null)
            LlamaNative.llama_sampler_reset(_grammar);
        LlamaNative.llama_sampler_reset(_chain);
    }

    /// <summary>Frees the samplers.</summary>
    public void Dispose()
    {
        _grammar?.Dispose();
        _chain.Dispose();
    }

    private void Fill(ReadOnlySpan<float> logits)
    {
        if (logits.Length != _candidates.Length)
        {
            throw new ArgumentException(
                $"{logits.Length} logits were given; the sampler's vocabulary has {_candidates.Length} tokens.", nameof(logits));
        }

        for (int token = 0; token < logits.Length; token++)
        {
            // llama.cpp sorts the candidates, and a sort with NaN among them may run out of its bounds.
            if (!float.IsFinite(logits[token]) && !float.IsNegativeInfinity(logits[token]))
                throw new LlamaException($"The logit of token {token} is {logits[token]}: the weights are broken.");
            _candidates[token] = new LlamaTokenData { Token = token, Logit = logits[token] };
        }
    }

    private void RequireOneAllowed()
    {
        foreach (ref readonly LlamaTokenData candidate in _candidates.AsSpan())
        {
            if (!float.IsNegativeInfinity(candidate.Logit))
                return;
        }

        throw new LlamaException(_grammar is null
            ? "Every logit is minus infinity: the weights are broken."
            : "The grammar allows no token of the vocabulary here: it has ended and the vocabulary has no end token, or its next character cannot be spelt.");
    }
}
