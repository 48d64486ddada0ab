namespace T2.Tasks;

/// <summary>
/// Right is the same choice. An item's answer is one of its choices' texts or labels (A or 1 for the first). What the model said is looked for in this order: a
/// <c>\boxed{}</c>; "answer is (B)" and the like, the last one; a text that is, or begins with, a label; a choice's text, alone or as the only one mentioned; the
/// last label that stands alone.
/// </summary>
public sealed class ChoiceVerifier : IVerifier
{
    /// <inheritdoc/>
    public string Name => "choice";

    /// <inheritdoc/>
    public ValueTask<Verdict> VerifyAsync(TaskItem item, string answer, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(item);
        ArgumentNullException.ThrowIfNull(answer);
        var choices = new ChoiceSet(item.Choices);
        if (choices.IndexOf(item.Answer) is not { } expected)
            return new(new Verdict(false, null, Misfit(item)));
        if (ChoiceReader.Read(answer, choices) is not { } said)
            return new(new Verdict(false, null, "no choice in the answer"));
        return new(new Verdict(said == expected, choices.Label(said), null));
    }

    /// <inheritdoc/>
    public string? Misfit(TaskItem item)
    {
        ArgumentNullException.ThrowIfNull(item);
        var choices = new ChoiceSet(item.Choices);
        if (choices.IndexOf(item.Answer) is not null)
            return null;
        return item.Choices is null
            ? $"its answer '{item.Answer}' is neither a letter nor a number, and it has no choices."
            : $"its answer '{item.Answer}' is none of its {item.Choices.Count} choices, nor the label of one.";
    }
}
