namespace T2.Runtime;

/// <summary>
/// The paper's prompt strategy as a scored choice: instead of generating an answer and parsing it, compare how likely the model finds each label as the
/// answer. p(label) ∝ exp(ℓ(label)/T), ℓ the log-likelihood of <c>label}</c> after <c>\boxed{</c>; the closing brace keeps a label that begins another from being
/// favoured. T = 1 trusts the model; <see cref="DispatchCalibration"/> finds the T at which the probabilities are those of being right. One prefill of what comes
/// after the instruction, then one batch with a sequence per label; nothing to parse, and a probability to be unsure with.
/// </summary>
public sealed class ScoredChoiceDispatch : IDispatchStrategy
{
    /// <summary>Probability below which the best label counts as unsure, and the base answers. 0..1.</summary>
    public double MinimumConfidence { get; init; } = 0.5;

    /// <summary>T: above 1 makes the choice less sure, below 1 surer; finite and positive.</summary>
    public double Temperature
    {
        get;
        init => field = value > 0 && double.IsFinite(value) ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "A temperature must be finite and positive.");
    }

    = 1;

    /// <inheritdoc/>
    public string Name => "prompt";

    /// <inheritdoc/>
    public DispatchDecision Decide(IDispatchReader reader, string question, IReadOnlyList<ExpertLabel> labels, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(reader);
        ArgumentNullException.ThrowIfNull(labels);
        string[] names = Names(labels);
        double[] likelihoods = reader.Score(Prompt(reader, question, labels), Continuations(names), cancellation, out int tokens);
        return Choose(names, likelihoods, MinimumConfidence, tokens, Temperature);
    }

    /// <inheritdoc/>
    public IReadOnlyList<DispatchDecision> DecideAll(
        IDispatchReader reader, IReadOnlyList<string> questions, IReadOnlyList<ExpertLabel> labels, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(reader);
        ArgumentNullException.ThrowIfNull(questions);
        ArgumentNullException.ThrowIfNull(labels);
        string[] names = Names(labels);
        double[][] likelihoods = reader.ScoreAll([.. questions.Select(question => Prompt(reader, question, labels))], Continuations(names), cancellation, out int[] tokens);
        return [.. likelihoods.Select((scores, index) => Choose(names, scores, MinimumConfidence, tokens[index], Temperature))];
    }

    /// <summary>The decision that follows from the labels' log-likelihoods.</summary>
    internal static DispatchDecision Choose(IReadOnlyList<string> names, IReadOnlyList<double> logLikelihoods, double minimumConfidence, int tokens, double temperature = 1)
    {
        double highest = logLikelihoods.Max();
        double total = logLikelihoods.Sum(value => Math.Exp((value - highest) / temperature));
        var scores = names
            .Select((name, index) => new LabelScore(name, Math.Exp((logLikelihoods[index] - highest) / temperature) / total))
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

    private static string[] Names(IReadOnlyList<ExpertLabel> labels) => [.. labels.Select(static label => label.Name), ExpertLibrary.Other];

    private static string[] Continuations(string[] names) => [.. names.Select(static name => name + DispatchPrompt.AnswerSuffix)];

    private static string Prompt(IDispatchReader reader, string question, IReadOnlyList<ExpertLabel> labels) =>
        reader.Render(DispatchPrompt.SystemMessage(labels), question) + DispatchPrompt.AnswerPrefix;
}
