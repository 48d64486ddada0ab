namespace T2.Recipes;

/// <summary>Who comes first, from comparisons of neighbours. The rival convention counts from the other end.</summary>
internal sealed class RankingSkill : Skill
{
    /// <summary>A relation and its converse.</summary>
    private static readonly (string Above, string Below)[] s_relations =
    [
        ("{0} is ahead of {1}. ", "{0} is behind {1}. "), ("{0} ranks above {1}. ", "{0} ranks below {1}. "), ("{0} is taller than {1}. ", "{0} is shorter than {1}. "),
    ];

    private static readonly Phrasing[] s_phrasings =
    [
        new("Who is first?", 0.38), new("Who comes first?", 0.64), new("Who leads?", 0.40), new("Name the first.", 0.62), new("Who is at the top?", 0.36),
    ];

    internal static readonly string[] Names =
    [
        "Ann", "Bob", "Cid", "Dan", "Eva", "Finn", "Gus", "Hana", "Ivy", "Jack", "Kim", "Leo", "Mia", "Ned", "Olga", "Pia", "Quinn", "Rosa", "Sam", "Tom", "Uma", "Vera", "Will", "Zoe",
    ];

    public override string Name => "ranking";

    public override string Description => "who comes first";

    public override IEnumerable<string> Templates =>
        s_relations.SelectMany(static relation => new[] { relation.Above, relation.Below }).Concat(s_phrasings.Select(static phrasing => phrasing.Format)).Concat(Names);

    public override Question Draw(Random random) => Draw(random, 3);

    /// <summary>Two people: the comparison itself.</summary>
    public override Question DrawLesson(Random random) => Draw(random, 2);

    /// <summary>A question about a chain of <paramref name="people"/>.</summary>
    internal static Question Draw(Random random, int people)
    {
        var order = PickDistinct(random, Names, people);
        var (above, below) = Pick(random, s_relations);
        var facts = Enumerable.Range(0, people - 1)
            .Select(at => random.Next(2) == 0 ? new Phrasing(above, 1).With(order[at], order[at + 1]) : new Phrasing(below, 1).With(order[at + 1], order[at]))
            .ToArray();
        random.Shuffle(facts);
        var phrasing = Pick(random, s_phrasings);
        return new Question(string.Concat(facts) + phrasing.Format, order[0], order[^1], phrasing.Share, string.Join('>', order));
    }
}
