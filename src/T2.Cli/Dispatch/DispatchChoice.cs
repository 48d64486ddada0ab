using T2.Runtime;

namespace T2.Cli;

/// <summary>What <c>--dispatch</c> and its options say.</summary>
/// <param name="How"><c>prompt</c>, <c>cls</c>, <c>fewshot</c> or <c>generate</c>.</param>
/// <param name="Confidence">Probability below which the base answers.</param>
/// <param name="Temperature">Of the labels' probabilities; null = the classifier's own, or 1.</param>
/// <param name="Classifier">Name or file of the classification expert; null = the library's only one.</param>
internal sealed record DispatchChoice(string How, float Confidence, float? Temperature, string? Classifier)
{
    /// <summary>What <c>--dispatch</c> may say, <c>none</c> aside.</summary>
    /// <exception cref="UsageException">It says something else.</exception>
    internal DispatchChoice Validated() => How is "prompt" or "cls" or "fewshot" or "generate"
        ? this
        : throw new UsageException($"'{How}' is no way to dispatch; there are prompt, cls and generate, and fewshot and none on the command line.");

    /// <summary>Whether weights have to be searched for first.</summary>
    internal bool IsSearch => How is "fewshot";

    /// <summary>Whether a classification expert decides.</summary>
    internal bool IsClassification => How is "cls";

    /// <summary>The strategy, for those that need no search.</summary>
    internal IDispatchStrategy Create(ExpertLibrary experts) => How switch
    {
        "prompt" => new ScoredChoiceDispatch { MinimumConfidence = Confidence, Temperature = Temperature ?? 1 },
        "cls" => Classify(experts),
        "generate" => new GeneratedLabelDispatch(),
        _ => throw new UsageException("A few-shot mixture is searched for before the first prompt: start with --dispatch fewshot --shots FILE."),
    };

    private ClassificationDispatch Classify(ExpertLibrary experts)
    {
        var classifier = Classifier is not null
            ? ExpertCatalog.Find(experts, Classifier)
            : experts.Classifiers switch
            {
                [var only] => only,
                [] => throw new UsageException("--dispatch cls needs a classification expert (--classifier NAME|FILE)."),
                var several => throw new UsageException($"Which classification expert, of {string.Join(", ", several.Select(static one => one.Name))}? Say --classifier NAME."),
            };
        try
        {
            return new ClassificationDispatch(classifier, Confidence, Temperature);
        }
        catch (ArgumentException exception)
        {
            throw new BadFileException(Failure.WithoutParameter(exception), exception);
        }
    }
}
