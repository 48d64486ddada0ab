namespace T2.Runtime;

/// <summary>A prompt and what may follow it, as tokens.</summary>
/// <param name="Texts">Prompt and continuation together, one per continuation.</param>
/// <param name="Shared">Tokens that all of them begin with, at least 1 and less than the shortest.</param>
internal sealed record ScoredPrompt(int[][] Texts, int Shared)
{
    /// <summary>Tokens to decode past the shared ones; the last of each text is only predicted.</summary>
    internal int Rest => Texts.Sum(static text => text.Length) - Texts.Length * (Shared + 1);

    /// <summary>Continuations that need tokens of their own decoded.</summary>
    internal int Branches => Texts.Count(HasBranch);

    internal bool HasBranch(int[] text) => text.Length - Shared > 1;
}

/// <summary>
/// Log-likelihoods of continuations of many prompts, as many prompts a decode as the context has room for. Sequence 0 holds what all prompts begin with; each
/// prompt has a sequence, and each of its continuations another, so that what they share is decoded once.
/// </summary>
internal sealed class ContinuationScorer(AdaptedContext context, KeptPrefixes kept)
{
    private readonly List<(int BatchIndex, int Prompt, int Continuation, int Expected)> _outputs = [];

    /// <summary>Scores prompts that all begin with <paramref name="prefix"/>, and go on after it.</summary>
    /// <param name="prompts">Each fits the context by itself.</param>
    /// <param name="prefix">Their common beginning, kept for later calls; empty = none.</param>
    /// <param name="tokens">Tokens decoded for each; what the prefix cost is the first one's.</param>
    /// <param name="cancellation">Observed between decodes.</param>
    internal double[][] Score(IReadOnlyList<ScoredPrompt> prompts, int[] prefix, int[] tokens, CancellationToken cancellation)
    {
        double[][] scores = [.. prompts.Select(static prompt => new double[prompt.Texts.Length])];
        for (int start = 0; start < prompts.Count;)
        {
            int end = GroupFrom(prompts, start, prefix.Length);
            int decoded = context.Begin(prefix, kept, cancellation);
            tokens[start] += decoded;
            ScoreGroup(prompts, start, end, prefix.Length, scores, cancellation);
            for (int index = start; index < end; index++)
                tokens[index] += prompts[index].Shared - prefix.Length + prompts[index].Rest;
            start = end;
        }
        return scores;
    }

    /// <summary>How many tokens a prompt needs room for.</summary>
    internal static int RoomFor(ScoredPrompt prompt, int prefix) => prompt.Shared - prefix + prompt.Rest;

    private int GroupFrom(IReadOnlyList<ScoredPrompt> prompts, int start, int prefix)
    {
        int cells = prefix, sequences = 1, end = start;
        for (; end < prompts.Count; end++)
        {
            cells += RoomFor(prompts[end], prefix);
            sequences += 1 + prompts[end].Branches;
            if (end > start && (cells > context.Capacity || sequences > context.MaxSequences))
                break;
        }
        return end;
    }

    private void ScoreGroup(IReadOnlyList<ScoredPrompt> prompts, int start, int end, int prefix, double[][] scores, CancellationToken cancellation)
    {
        context.EmptyBatch();
        for (int index = start; index < end; index++)
        {
            int sequence = 1 + index - start;
            if (prefix > 0)
                context.Native.SequenceCopy(0, sequence);
            var (texts, shared) = prompts[index];
            for (int position = prefix; position < shared; position++)
            {
                bool last = position == shared - 1;
                if (last)
                    _outputs.AddRange(texts.Select((text, continuation) => (context.Pending, index, continuation, text[shared])));
                Add(texts[0][position], position, sequence, last, scores, cancellation);
            }
        }
        Flush(scores, cancellation);

        int free = 1 + end - start;
        for (int index = start; index < end; index++)
        {
            var prompt = prompts[index];
            for (int continuation = 0; continuation < prompt.Texts.Length; continuation++)
            {
                int[] text = prompt.Texts[continuation];
                if (!prompt.HasBranch(text))
                    continue;
                if (free == context.MaxSequences)
                {
                    Flush(scores, cancellation);
                    while (free > 1 + end - start)
                        context.Native.SequenceRemove(--free);
                }
                context.Native.SequenceCopy(1 + index - start, free);
                for (int position = prompt.Shared; position < text.Length - 1; position++)
                {
                    _outputs.Add((context.Pending, index, continuation, text[position + 1]));
                    Add(text[position], position, free, true, scores, cancellation);
                }
                free++;
            }
        }
        Flush(scores, cancellation);
    }

    private void Add(int token, int position, int sequence, bool logits, double[][] scores, CancellationToken cancellation)
    {
        context.Add(token, position, sequence, logits);
        if (context.Pending == context.BatchSize)
            Flush(scores, cancellation);
    }

    private void Flush(double[][] scores, CancellationToken cancellation)
    {
        if (context.Pending == 0)
            return;
        cancellation.ThrowIfCancellationRequested();
        context.Decode(cancellation);
        foreach (var (batchIndex, prompt, continuation, expected) in _outputs)
            scores[prompt][continuation] += DispatchReader.LogProbability(context.Logits(batchIndex), expected);
        _outputs.Clear();
        context.EmptyBatch();
    }
}
