using System.Globalization;
using T2.Gguf.Experts;

namespace T2.Runtime;

/// <summary>The paper's classification expert: the scored choice of <see cref="ScoredChoiceDispatch"/>, read under an expert trained to make that choice.</summary>
public sealed class ClassificationDispatch : IDispatchStrategy
{
    /// <summary>Key of <see cref="Expert.Extra"/> for the temperature that calibration found for a classifier.</summary>
    public const string TemperatureKey = "t2.svf.dispatch_temperature";

    private readonly ScoredChoiceDispatch _choice;

    /// <summary>Makes the strategy.</summary>
    /// <param name="classifier">The expert of pass 1; any that fits the model.</param>
    /// <param name="minimumConfidence">Probability below which the best label counts as unsure, and the base answers. 0..1.</param>
    /// <param name="temperature">See <see cref="ScoredChoiceDispatch.Temperature"/>; null = what the classifier's file says, or 1.</param>
    public ClassificationDispatch(Expert classifier, double minimumConfidence = 0.5, double? temperature = null)
    {
        ArgumentNullException.ThrowIfNull(classifier);
        Classifier = classifier;
        _choice = new ScoredChoiceDispatch { MinimumConfidence = minimumConfidence, Temperature = temperature ?? TemperatureOf(classifier) };
    }

    /// <inheritdoc/>
    public string Name => "cls";

    /// <inheritdoc/>
    public Expert Classifier { get; }

    /// <inheritdoc/>
    public DispatchDecision Decide(IDispatchReader reader, string question, IReadOnlyList<ExpertLabel> labels, CancellationToken cancellation) =>
        _choice.Decide(reader, question, labels, cancellation);

    /// <inheritdoc/>
    public IReadOnlyList<DispatchDecision> DecideAll(
        IDispatchReader reader, IReadOnlyList<string> questions, IReadOnlyList<ExpertLabel> labels, CancellationToken cancellation) =>
        _choice.DecideAll(reader, questions, labels, cancellation);

    private static double TemperatureOf(Expert classifier)
    {
        if (!classifier.Extra.TryGetValue(TemperatureKey, out string? text))
            return 1;
        return double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double temperature) && temperature > 0 && double.IsFinite(temperature)
            ? temperature
            : throw new ArgumentException($"Expert '{classifier.Name}' says '{text}' under {TemperatureKey}; a positive number was expected.", nameof(classifier));
    }
}
