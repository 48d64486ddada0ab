using T2.Tasks;

namespace T2.Training;

/// <summary>One answered and judged question.</summary>
/// <param name="Item">The question.</param>
/// <param name="PromptTokens">What the model was given.</param>
/// <param name="AnswerTokens">What it said, the token that ended it included.</param>
/// <param name="Text">What it said, as text.</param>
/// <param name="Verdict">What the verifier said.</param>
internal sealed record Episode(TaskItem Item, IReadOnlyList<int> PromptTokens, IReadOnlyList<int> AnswerTokens, string Text, Verdict Verdict)
{
    /// <summary>+1 for a right answer, −1 for any other.</summary>
    internal double Reward => Verdict.Correct ? 1 : -1;
}
