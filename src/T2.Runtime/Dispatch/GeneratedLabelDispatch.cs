namespace T2.Runtime;

/// <summary>The paper's prompt strategy as published: the model generates, and the label is read out of <c>\boxed{…}</c>. Anything else means the base.</summary>
public sealed class GeneratedLabelDispatch : IDispatchStrategy
{
    /// <summary>Most tokens the model may spend on its answer.</summary>
    public int MaxTokens { get; init; } = 48;

    /// <inheritdoc/>
    public string Name => "generate";

    /// <inheritdoc/>
    public DispatchDecision Decide(IDispatchReader reader, string question, IReadOnlyList<ExpertLabel> labels, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(reader);
        ArgumentNullException.ThrowIfNull(labels);
        string prompt = reader.Render(DispatchPrompt.SystemMessage(labels), question);
        string answer = reader.Continue(prompt, MaxTokens, cancellation, out int tokens);
        return Parse(answer, labels, tokens);
    }

    /// <summary>The decision that follows from a generated answer: its last complete <c>\boxed{…}</c> counts.</summary>
    internal static DispatchDecision Parse(string answer, IReadOnlyList<ExpertLabel> labels, int tokens)
    {
        int start = answer.LastIndexOf(DispatchPrompt.AnswerPrefix, StringComparison.Ordinal);
        int end = start < 0 ? -1 : answer.IndexOf(DispatchPrompt.AnswerSuffix, start);
        if (end < 0)
            return new(null, 0, [], tokens, "no label in the generated answer");
        string said = answer[(start + DispatchPrompt.AnswerPrefix.Length)..end].Trim();
        var label = labels.FirstOrDefault(candidate => string.Equals(candidate.Name, said, StringComparison.OrdinalIgnoreCase));
        if (label is not null)
            return new(label.Name, 1, [], tokens, "generated label");
        return ExpertLibrary.IsReserved(said)
            ? new(null, 1, [], tokens, "none of the experts fits")
            : new(null, 0, [], tokens, $"the generated label '{said}' is not an expert's");
    }
}
