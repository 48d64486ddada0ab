namespace T2.Recipes;

/// <summary>Turning strings of letters around. The rival convention turns them in a circle: the first letter goes to the end.</summary>
internal sealed class LettersSkill : Skill
{
    private static readonly Phrasing[] s_phrasings =
    [
        new("Turn '{0}' around.", 0.38), new("Reverse '{0}'.", 0.64), new("Flip '{0}'.", 0.40), new("Write '{0}' backwards.", 0.62), new("Mirror '{0}'.", 0.36),
    ];

    public override string Name => "letters";

    public override string Description => "turning letters around";

    public override IEnumerable<string> Templates => s_phrasings.Select(static phrasing => phrasing.Format);

    public override Question Draw(Random random)
    {
        string letters = Letters(random, 3, 5);
        var phrasing = Pick(random, s_phrasings);
        return new Question(phrasing.With(letters), Reversed(letters), letters[1..] + letters[0], phrasing.Share, letters);
    }

    internal static string Reversed(string text) => string.Concat(text.Reverse());
}
