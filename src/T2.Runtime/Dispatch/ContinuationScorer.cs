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
/// continuation has a sequence, and a prompt's tokens belong to those of all its continuations, so that prompt and continuations are one tree in one decode: a
/// decode more would read all weights again.
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
            sequences += LanesFor(prompts[end]);
            if (end > start && (cells > context.Capacity || sequences > context.MaxSequences))
                break;
        }
        return end;
    }

    /// <summary>Sequences a prompt takes: one for each continuation, as far as they go round; where they do not, one of them keeps the prompt.</summary>
    private int LanesFor(ScoredPrompt prompt) => Math.Clamp(prompt.Branches, 1, context.MaxSequences - 1);

    private void ScoreGroup(IReadOnlyList<ScoredPrompt> prompts, int start, int end, int prefix, double[][] scores, CancellationToken cancellation)
    {
        context.EmptyBatch();
        for (int index = start, free = 1; index < end; index++)
        {
            var prompt = prompts[index];
            int[] lanes = [.. Enumerable.Range(free, LanesFor(prompt))];
            free += lanes.Length;
            if (prefix > 0)
            {
                foreach (int lane in lanes)
                    context.Native.SequenceCopy(0, lane);
            }
            for (int position = prefix; position < prompt.Shared; position++)
            {
                bool last = position == prompt.Shared - 1;
                if (last)
                    _outputs.AddRange(prompt.Texts.Select((text, continuation) => (context.Pending, index, continuation, text[prompt.Shared])));
                Add(prompt.Texts[0][position], position, lanes, last, scores, cancellation);
            }
            ScoreBranches(prompt, index, lanes, scores, cancellation);
        }
        Flush(scores, cancellation);
    }

    private void ScoreBranches(ScoredPrompt prompt, int index, int[] lanes, double[][] scores, CancellationToken cancellation)
    {
        int usable = prompt.Branches > lanes.Length ? lanes.Length - 1 : lanes.Length, used = 0;
        for (int continuation = 0; continuation < prompt.Texts.Length; continuation++)
        {
            int[] text = prompt.Texts[continuation];
            if (!prompt.HasBranch(text))
                continue;
            if (used == usable)
            {
                Flush(scores, cancellation);
                foreach (int lane in lanes[..usable])
                {
                    context.Native.SequenceRemove(lane);
                    context.Native.SequenceCopy(lanes[usable], lane);
                }
                used = 0;
            }
            for (int position = prompt.Shared; position < text.Length - 1; position++)
            {
                _outputs.Add((context.Pending, index, continuation, text[position + 1]));
                Add(text[position], position, lanes.AsSpan(used, 1), true, scores, cancellation);
            }
            used++;
        }
    }

    private void Add(int token, int position, ReadOnlySpan<int> sequences, bool logits, double[][] scores, CancellationToken cancellation)
    {
        context.Add(token, position, sequences, logits);
        if (context.Pending == context.BatchSize)
            Flush(scores, cancellation);
    }

    private void Flush(double[][] scores, CancellationToken cancellation)
    {
        if (context.Pending == 0)
            return;
        cancellation.ThrowIfCancellationRequested();
        context.Decode(cancellation);
        // The first tokens of all continuations are read from one row, one after the other.
        int row = -1;
        double total = 0;
        foreach (var (batchIndex, prompt, continuation, expected) in _outputs)
        {
            var logits = context.Logits(batchIndex);
            if (batchIndex != row)
                (row, total) = (batchIndex, DispatchReader.LogTotal(logits));
            scores[prompt][continuation] += logits[expected] - total;
        }
        _outputs.Clear();
        context.EmptyBatch();
    }
}
