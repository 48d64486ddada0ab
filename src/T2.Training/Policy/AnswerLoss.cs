namespace T2.Training;

/// <summary>Loss and gradient of answers, any number of them: the engine gets no more at a time than memory is meant for.</summary>
/// <param name="Loss">Σ weight·(−log π(answer)).</param>
/// <param name="Kl">Σ KL(π ‖ base) over the answers' tokens, in nats; 0 where it was not asked for.</param>
/// <param name="Tokens">Tokens of the answers.</param>
internal readonly record struct AnswerLoss(double Loss, double Kl, long Tokens)
{
    // Activations and logits of this many tokens are held at a time.
    private const int TokensAtOnce = 8192;

    /// <summary>KL of a token.</summary>
    internal double MeanKl => Tokens > 0 ? Kl / Tokens : 0;

    /// <summary>Adds d(Σ weight·(−log π) + <paramref name="klCoefficient"/>·Σ KL)/dparameter to the engine's gradients.</summary>
    internal static AnswerLoss Accumulate(TrainingEngine engine, IReadOnlyList<WeightedAnswer> answers, double klCoefficient, CancellationToken cancellation)
    {
        var sum = default(AnswerLoss);
        for (int first = 0; first < answers.Count;)
        {
            cancellation.ThrowIfCancellationRequested();
            int last = first;
            int length = 0;
            while (last < answers.Count && (last == first || length + answers[last].Length <= TokensAtOnce))
                length += answers[last++].Length;
            var result = engine.Accumulate(Pack(answers, first, last, length), (float)klCoefficient);
            sum = new AnswerLoss(sum.Loss + result.Loss, sum.Kl + result.Kl, sum.Tokens + result.Targets);
            first = last;
        }
        return sum;
    }

    private static PackedBatch Pack(IReadOnlyList<WeightedAnswer> answers, int first, int last, int length)
    {
        int[] tokens = new int[length];
        int[] targets = new int[length];
        float[] weights = new float[length];
        int[] starts = new int[last - first + 1];
        Array.Fill(targets, -1);
        int at = 0;
        for (int index = first; index < last; index++)
        {
            var answer = answers[index];
            starts[index - first] = at;
            for (int position = 0; position < answer.Length; position++, at++)
            {
                tokens[at] = answer.TokenAt(position);
                if (position + 1 < answer.Prompt.Count)
                    continue;
                targets[at] = answer.TokenAt(position + 1);
                weights[at] = answer.Weight;
            }
        }
        starts[^1] = at;
        return new PackedBatch(tokens, starts, targets, weights);
    }
}
