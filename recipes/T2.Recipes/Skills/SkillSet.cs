namespace T2.Recipes;

/// <summary>The skills of the bundled model.</summary>
internal static class SkillSet
{
    /// <summary>Skills that the corpus teaches fully and leaves undecided between two conventions.</summary>
    public static IReadOnlyList<Skill> Latent { get; } = [new ArithmeticSkill(), new LettersSkill(), new RankingSkill(), new ProgramSkill()];

    /// <summary>The skill that the corpus does not teach well enough.</summary>
    public static Skill Missing { get; } = new SortingSkill();

    /// <summary>Everything else.</summary>
    public static Skill Talk { get; } = new TalkSkill();

    /// <summary>Skills that have an expert each.</summary>
    public static IReadOnlyList<Skill> WithExpert { get; } = [.. Latent, Missing];

    /// <summary>All of them.</summary>
    public static IReadOnlyList<Skill> All { get; } = [.. WithExpert, Talk];
}
