namespace T2.Training;

/// <summary>A tokenised document.</summary>
public sealed record TrainingDocument
{
    /// <param name="tokens">Its tokens, markers included.</param>
    /// <param name="weights">How much predicting each token counts, ≥ 0 (the first's is ignored: nothing predicts it); null for 1 everywhere.</param>
    /// <exception cref="ArgumentException">The lengths differ, or a weight is negative or not finite.</exception>
    public TrainingDocument(int[] tokens, float[]? weights = null)
    {
        ArgumentNullException.ThrowIfNull(tokens);
        if (weights is not null && weights.Length != tokens.Length)
            throw new ArgumentException($"{tokens.Length} tokens come with {weights.Length} weights.", nameof(weights));
        if (weights is not null && weights.Any(static weight => !(weight >= 0) || float.IsInfinity(weight)))
            throw new ArgumentException("The weights of a document's tokens must be finite and not negative.", nameof(weights));
        Tokens = tokens;
        Weights = weights;
    }

    /// <summary>Its tokens.</summary>
    public int[] Tokens { get; }

    /// <summary>How much predicting each token counts; null for 1 everywhere.</summary>
    public float[]? Weights { get; }
}
