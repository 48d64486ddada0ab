namespace T2.Runtime;

/// <summary>
/// The paper's prompt strategy as a scored choice: instead of generating an answer and parsing it, compare how likely the model finds each label as the
/// answer. p(label) = exp(ℓ(label)) / Σ exp(ℓ(other labels too)), ℓ the log-likelihood of <c>label}</c> after <c>\boxed{</c>; the closing brace keeps a
/// label that begins another from being favoured. One prefill, then one batch with a sequence per label; nothing to parse, and a probability to be unsure with.
/// </summary>
public sealed class ScoredChoiceDispatch : IDispatchStrategy
{
    /// <summary>Probability below which the best label counts as unsure, and the base answers. 0..1.</summary>
    public double MinimumConfidence { get; init; } = 0.5;

    /// <inheritdoc/>
    public string Name => "prompt";

    /// <inheritdoc/>
    public DispatchDecision Decide(IDispatchReader reader, string question, IReadOnlyList<ExpertLabel> labels, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(reader);
        ArgumentNullException.ThrowIfNull(labels);
        var names = labels.Select(static label => label.Name).Append(ExpertLibrary.Other).ToArray();
        string prompt = reader.Render(DispatchPrompt.SystemMessage(labels), question) + DispatchPrompt.AnswerPrefix;
        double[] likelihoods = reader.Score(prompt, [.. names.Select(static name => name + DispatchPrompt.AnswerSuffix)], cancellation, out int tokens);
        return Choose(names, likelihoods, MinimumConfidence, tokens);
    }

    /// <summary>The decision that follows from the labels' log-likelihoods.</summary>
    internal static DispatchDecision Choose(IReadOnlyList<string> names, IReadOnlyList<double> logLikelihoods, double minimumConfidence, int tokens)
    {
        double highest = logLikelihoods.Max();
        double total = logLikelihoods.Sum(value => Math.Exp(value - highest));
        var scores = names
            .Select((name, index) => new LabelScore(name, Math.Exp(logLikelihoods[index] - highest) / total))
            .OrderByDescending(static score => score.Probability)
            .ToArray();
        var (best, confidence) = scores[0];
        // A NaN compares false with everything and so counts as unsure.
        if (!(confidence >= minimumConfidence))
            return new(null, confidence, scores, tokens, FormattableString.Invariant($"unsure: '{best}' has {confidence:P0}, below {minimumConfidence:P0}"));
        return ExpertLibrary.IsReserved(best)
            ? new(null, confidence, scores, tokens, "none of the experts fits")
            : new(best, confidence, scores, tokens, "most likely label");
    }
}
