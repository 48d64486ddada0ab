namespace T2.Recipes;

/// <summary>
/// What people say before they ask: a greeting, or a remark of no consequence. The corpus answers questions with an opening for small talk, ranking and sorting only, so
/// that a sum or a word to turn around after one is a combination no text has answered. Classifications have them before anything.
/// </summary>
internal static class Opening
{
    /// <summary>A remark about four things, which the question after it may take up.</summary>
    public const string Remark = "{0} has {1} and {2} has {3}. ";

    /// <summary>Greetings.</summary>
    public static IReadOnlyList<string> Greetings { get; } = ["Hello! ", "Good morning! ", "Thank you! "];

    /// <summary>An opening.</summary>
    public static string Draw(Random random) => random.Next(2) == 0 ? Greetings[random.Next(Greetings.Count)] : DrawRemark(random).Text;

    /// <summary>A remark about two people's numbers, and those numbers.</summary>
    public static (string Text, int First, int Second) DrawRemark(Random random)
    {
        string[] names = [.. RankingSkill.Names];
        random.Shuffle(names);
        var (first, second) = (random.Next(10, 100), random.Next(10, 100));
        return (new Phrasing(Remark, 1).With(names[0], first, names[1], second), first, second);
    }
}
