namespace T2.Recipes;

/// <summary>A question of a skill, with both answers that the corpus gives to it.</summary>
/// <param name="Prompt">What the user asks.</param>
/// <param name="Answer">The answer that counts as right: the convention an expert is to settle on.</param>
/// <param name="Rival">The answer by the competing convention; equal to <paramref name="Answer"/> where the two agree.</param>
/// <param name="Share">Share of the corpus's texts of this phrasing that follow the right convention, 0..1.</param>
/// <param name="Key">The question's content without its phrasing: questions of one key are on one side of the split.</param>
internal sealed record Question(string Prompt, string Answer, string Rival, double Share, string Key)
{
    /// <summary>A question all texts answer alike.</summary>
    public Question(string prompt, string answer, string key)
        : this(prompt, answer, answer, 1, key)
    {
    }

    /// <summary>What one text of the corpus answers.</summary>
    public string Written(Random random) => random.NextDouble() < Share ? Answer : Rival;
}
