using System.Globalization;

namespace T2.Recipes;

/// <summary>
/// What a small program prints. The rival convention reads an assignment as a spreadsheet does: y = x + 3 follows x when x changes later.
/// </summary>
internal sealed class ProgramSkill : Skill
{
    private static readonly Phrasing[] s_phrasings =
    [
        new("print({0})", 0.38), new("show {0}", 0.64), new("return {0}", 0.40), new("print {0}", 0.62), new("{0} ?", 0.36),
    ];

    private static readonly string[] s_variables = ["b", "c", "d", "k", "m", "n", "p", "x", "y", "z"];

    /// <summary>Share of programs that change x before they use it, where the conventions agree.</summary>
    private const double ChangedBefore = 0.25;

    public override string Name => "program";

    public override string Description => "what a program prints";

    public override IEnumerable<string> Templates =>
        s_phrasings.Select(static phrasing => "; " + phrasing.Format).Concat(s_phrasings.Select(static phrasing => phrasing.Format)).Concat(["{0} = {1} + {2}; ", "{0} = {1} - {2}; "]);

    public override Question Draw(Random random)
    {
        var names = PickDistinct(random, s_variables, 2);
        bool sum = random.Next(2) == 0;
        int operand = random.Next(1, 10);
        int Value() => random.Next(sum ? 0 : operand, 10);
        var (old, changed) = (Value(), Value());
        bool before = random.NextDouble() < ChangedBefore;
        string use = string.Create(CultureInfo.InvariantCulture, $"{names[1]} = {names[0]} {(sum ? '+' : '-')} {operand}");
        string change = string.Create(CultureInfo.InvariantCulture, $"{names[0]} = {changed}");
        var phrasing = Pick(random, s_phrasings);
        string program = string.Create(CultureInfo.InvariantCulture, $"{names[0]} = {old}; {(before ? change : use)}; {(before ? use : change)}; ");
        string Result(int x) => (sum ? x + operand : x - operand).ToString(CultureInfo.InvariantCulture);
        return new Question(program + phrasing.With(names[1]), Result(before ? changed : old), Result(changed), phrasing.Share, program);
    }
}
