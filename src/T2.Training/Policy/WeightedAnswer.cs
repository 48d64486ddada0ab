namespace T2.Training;

/// <summary>An answer and the weight of its −log π in the loss.</summary>
/// <param name="Prompt">Tokens before the answer, at least one.</param>
/// <param name="Answer">The answer's tokens, at least one.</param>
/// <param name="Weight">Signed.</param>
internal readonly record struct WeightedAnswer(IReadOnlyList<int> Prompt, IReadOnlyList<int> Answer, float Weight)
{
    /// <summary>Tokens the model reads: all but the last, which it only has to predict.</summary>
    internal int Length => Prompt.Count + Answer.Count - 1;

    internal int TokenAt(int position) => position < Prompt.Count ? Prompt[position] : Answer[position - Prompt.Count];
}
