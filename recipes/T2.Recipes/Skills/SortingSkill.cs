namespace T2.Recipes;

/// <summary>Letters in alphabetical order: the skill the corpus is too poor in to be learnt. All its texts agree; nothing is left undecided.</summary>
internal sealed class SortingSkill : Skill
{
    private static readonly string[] s_phrasings = ["Sort '{0}'.", "Put '{0}' in order.", "Arrange '{0}' from a to z.", "Alphabetical order of '{0}':"];

    public override string Name => "sorting";

    public override string Description => "putting letters in alphabetical order";

    public override IEnumerable<string> Templates => s_phrasings;

    public override Question Draw(Random random)
    {
        string letters = Letters(random, 3, 5);
        return new Question(new Phrasing(Pick(random, s_phrasings), 1).With(letters), string.Concat(letters.Order()), letters);
    }
}
