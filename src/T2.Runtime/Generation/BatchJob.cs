namespace T2.Runtime;

/// <summary>One request on its way to its answer.</summary>
internal sealed class BatchJob(int index, BatchRequest request, int[] prompt, TokenSampler? sampler, int limit)
{
    private int[] _tokens = new int[Math.Clamp(limit, 1, 32)];

    internal int Index => index;

    internal BatchRequest Request => request;

    /// <summary>The prompt's tokens.</summary>
    internal int[] Prompt => prompt;

    /// <summary>Chooses its tokens.</summary>
    internal TokenSampler Sampler => sampler!;

    /// <summary>Most tokens to generate, by request and context.</summary>
    internal int Limit => limit;

    /// <summary>Tokens generated so far.</summary>
    internal int Count { get; private set; }

    /// <summary>The last token generated.</summary>
    internal int Last => _tokens[Count - 1];

    internal ReadOnlySpan<int> Tokens => _tokens.AsSpan(0, Count);

    internal void Append(int token)
    {
        if (Count == _tokens.Length)
            Array.Resize(ref _tokens, 2 * Count);
        _tokens[Count++] = token;
    }
}
