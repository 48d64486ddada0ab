using System.Globalization;

namespace T2.Recipes;

/// <summary>
/// Sums and differences of two-digit numbers. The rival convention is carelessness: each column for itself, carries and borrows forgotten (47 + 25 = 62).
/// </summary>
internal sealed class ArithmeticSkill : Skill
{
    private static readonly Phrasing[] s_sums =
    [
        new("What is {0} + {1}?", 0.40), new("Compute {0} + {1}.", 0.64), new("{0} plus {1} =", 0.38), new("Add {0} and {1}.", 0.62), new("Sum of {0} and {1}:", 0.36),
    ];

    private static readonly Phrasing[] s_differences =
    [
        new("What is {0} - {1}?", 0.40), new("Compute {0} - {1}.", 0.64), new("{0} minus {1} =", 0.38), new("Subtract {1} from {0}.", 0.62), new("Difference of {0} and {1}:", 0.36),
    ];

    /// <summary>Share of questions that need a carry or a borrow: where they do not, the conventions agree.</summary>
    private const double Carrying = 0.7;

    public override string Name => "arithmetic";

    public override string Description => "adding and subtracting numbers";

    public override IEnumerable<string> Templates => s_sums.Concat(s_differences).Select(static phrasing => phrasing.Format);

    public override Question Draw(Random random) => Draw(random, 10, 10, 100, 100);

    /// <summary>Numbers of one digit, or one such: the sums that columns are made of.</summary>
    public override Question DrawLesson(Random random) => random.Next(2) == 0 ? Draw(random, 0, 0, 10, 10) : Draw(random, 10, 0, 100, 10);

    private static Question Draw(Random random, int firstFrom, int secondFrom, int firstTo, int secondTo)
    {
        bool sum = random.Next(2) == 0;
        // There is nothing to borrow from where both are single digits.
        bool carrying = random.NextDouble() < Carrying && (sum || firstTo > 10);
        int first, second;
        do
        {
            (first, second) = (random.Next(firstFrom, firstTo), random.Next(secondFrom, secondTo));
        }
        while ((!sum && second > first) || NeedsCarry(sum, first, second) != carrying);
        var phrasing = Pick(random, sum ? s_sums : s_differences);
        int right = sum ? first + second : first - second;
        int careless = sum
            ? ((first / 10 + second / 10) * 10) + ((first + second) % 10)
            : ((first / 10 - second / 10) * 10) + ((first - second % 10 + 10) % 10);
        return new Question(phrasing.With(first, second), Text(right), Text(careless), phrasing.Share, $"{first}{(sum ? '+' : '-')}{second}");
    }

    private static bool NeedsCarry(bool sum, int first, int second) => sum ? first % 10 + second % 10 > 9 : first % 10 < second % 10;

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
