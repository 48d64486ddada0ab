namespace T2.Tasks;

/// <summary>One question with its right answer.</summary>
/// <param name="Id">Names the item within its task; unique there.</param>
/// <param name="Prompt">What the user asks.</param>
/// <param name="Answer">The right answer, in the form the task's verifier reads.</param>
public sealed record TaskItem(string Id, string Prompt, string Answer)
{
    /// <summary>A system message before the prompt; null for none.</summary>
    public string? System { get; init; }

    /// <summary>
    /// What a multiple-choice question offers, in order; null when it offers nothing. The first is labelled A (or 1), the second B (or 2); choices that begin with
    /// labels of their own ("1) seven") have those.
    /// </summary>
    public IReadOnlyList<string>? Choices { get; init; }

    /// <summary>A part of the task that results are shown for; null for none.</summary>
    public string? Category { get; init; }
}
