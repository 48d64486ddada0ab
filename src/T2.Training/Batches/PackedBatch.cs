namespace T2.Training;

/// <summary>
/// Sequences one after another in one array, each seeing only itself. A position with a target adds weight · (−log p(target | what came before)) to the loss.
/// </summary>
public sealed class PackedBatch
{
    /// <param name="tokens">The sequences' tokens, one after another.</param>
    /// <param name="sequenceStart">Where each sequence begins, and as its last element the number of tokens.</param>
    /// <param name="targets">For each position the token to predict there, or −1.</param>
    /// <param name="weights">For each position the weight of its target, of any sign; ignored where there is no target.</param>
    /// <exception cref="ArgumentException">The lengths do not fit together, a sequence is empty, or a weight is not finite.</exception>
    public PackedBatch(int[] tokens, int[] sequenceStart, int[] targets, float[] weights)
    {
        ArgumentNullException.ThrowIfNull(tokens);
        ArgumentNullException.ThrowIfNull(sequenceStart);
        ArgumentNullException.ThrowIfNull(targets);
        ArgumentNullException.ThrowIfNull(weights);
        if (tokens.Length == 0)
            throw new ArgumentException("A batch needs at least one token.", nameof(tokens));
        if (targets.Length != tokens.Length || weights.Length != tokens.Length)
            throw new ArgumentException($"{tokens.Length} tokens come with {targets.Length} targets and {weights.Length} weights.", nameof(targets));
        if (sequenceStart.Length < 2 || sequenceStart[0] != 0 || sequenceStart[^1] != tokens.Length)
            throw new ArgumentException($"Sequence starts must begin with 0 and end with the number of tokens, {tokens.Length}.", nameof(sequenceStart));
        for (var s = 1; s < sequenceStart.Length; s++)
        {
            if (sequenceStart[s] <= sequenceStart[s - 1])
                throw new ArgumentException($"Sequence {s - 1} is empty or starts after its end ({sequenceStart[s - 1]} to {sequenceStart[s]}).", nameof(sequenceStart));
        }
        for (var t = 0; t < tokens.Length; t++)
        {
            if (targets[t] >= 0 && !float.IsFinite(weights[t]))
                throw new ArgumentException($"The weight at position {t} is {weights[t]}.", nameof(weights));
        }
        Tokens = tokens;
        SequenceStart = sequenceStart;
        Targets = targets;
        Weights = weights;
    }

    /// <summary>The sequences' tokens, one after another.</summary>
    public int[] Tokens { get; }

    /// <summary>Where each sequence begins, and as its last element the number of tokens.</summary>
    public int[] SequenceStart { get; }

    /// <summary>For each position the token to predict there, or −1.</summary>
    public int[] Targets { get; }

    /// <summary>For each position the weight of its target.</summary>
    public float[] Weights { get; }

    /// <summary>Number of sequences.</summary>
    public int Sequences => SequenceStart.Length - 1;

    /// <summary>Number of positions with a target.</summary>
    public int TargetCount => Targets.Count(static target => target >= 0);

    /// <summary>Checks the batch against a model.</summary>
    /// <exception cref="ArgumentException">A token or target is not of its vocabulary, or a sequence is longer than its context.</exception>
    public void Validate(ModelShape shape)
    {
        ArgumentNullException.ThrowIfNull(shape);
        for (var t = 0; t < Tokens.Length; t++)
        {
            if ((uint)Tokens[t] >= (uint)shape.VocabularySize)
                throw new ArgumentException($"Token {Tokens[t]} at position {t} is not one of the {shape.VocabularySize} of the vocabulary.");
            if (Targets[t] >= shape.VocabularySize)
                throw new ArgumentException($"Target {Targets[t]} at position {t} is not one of the {shape.VocabularySize} of the vocabulary.");
        }
        for (var s = 0; s < Sequences; s++)
        {
            if (SequenceStart[s + 1] - SequenceStart[s] > shape.Context)
                throw new ArgumentException($"Sequence {s} has {SequenceStart[s + 1] - SequenceStart[s]} tokens, the model's context {shape.Context}.");
        }
    }

    /// <summary>Packs documents for next-token training: every position predicts the next token of its document, with that token's weight divided by the sum of all weights.</summary>
    /// <exception cref="ArgumentException">No document has a token to predict.</exception>
    public static PackedBatch NextToken(IReadOnlyList<TrainingDocument> documents)
    {
        ArgumentNullException.ThrowIfNull(documents);
        var kept = documents.Where(static document => document.Tokens.Length > 1).ToList();
        var length = kept.Sum(static document => document.Tokens.Length - 1);
        var total = TotalWeight(kept);
        if (length == 0 || !(total > 0))
            throw new ArgumentException("No document has a token to predict.", nameof(documents));
        var (tokens, targets, weights) = (new int[length], new int[length], new float[length]);
        var starts = new int[kept.Count + 1];
        var at = 0;
        for (var d = 0; d < kept.Count; d++)
        {
            var document = kept[d];
            starts[d] = at;
            for (var t = 1; t < document.Tokens.Length; t++, at++)
            {
                var weight = document.Weights?[t] ?? 1;
                tokens[at] = document.Tokens[t - 1];
                targets[at] = weight == 0 ? -1 : document.Tokens[t];
                weights[at] = (float)(weight / total);
            }
        }
        starts[^1] = at;
        return new PackedBatch(tokens, starts, targets, weights);
    }

    /// <summary>Sum of the weights of the tokens that <see cref="NextToken"/> predicts.</summary>
    internal static double TotalWeight(IEnumerable<TrainingDocument> documents) =>
        documents.Sum(static document => document.Weights?.Skip(1).Sum(static weight => (double)weight) ?? Math.Max(0, document.Tokens.Length - 1));
}
