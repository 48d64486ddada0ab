using System.Globalization;

namespace T2.Recipes;

/// <summary>Tasks in no text the model ever saw: skills combined, or shifted to other material. Nothing is trained on them.</summary>
internal static class UnseenTasks
{
    /// <summary>A task by its name, and a source of its questions.</summary>
    public sealed record Unseen(string Name, string Description, Func<Random, Question> Draw);

    /// <summary>The tasks.</summary>
    public static IReadOnlyList<Unseen> All { get; } =
    [
        new("coins", "a sum in a story about people", Coins),
        new("two-digit-program", "a program that adds or subtracts two-digit numbers", TwoDigitProgram),
        new("queue-of-four", "who comes first among four, where training has three", random => RankingSkill.Draw(random, 4)),
        new("digits-around", "digits turned around, where training has letters", DigitsAround),
    ];

    /// <summary>Their texts, whose pieces are tokens too; those not in any skill's template are new to the model.</summary>
    public static IEnumerable<string> Templates => [CoinStory, "; print({0} + {1})", "; print({0} - {1})"];

    private const string CoinStory = "{0} has {1} and {2} has {3}. Sum of {1} and {3}:";

    private static Question Coins(Random random)
    {
        var names = RankingSkill.Names.ToArray();
        random.Shuffle(names);
        var (first, second) = (random.Next(10, 100), random.Next(10, 100));
        string prompt = new Phrasing(CoinStory, 1).With(names[0], first, names[1], second);
        return new Question(prompt, (first + second).ToString(CultureInfo.InvariantCulture), prompt);
    }

    private static Question TwoDigitProgram(Random random)
    {
        var (first, second) = (random.Next(10, 100), random.Next(10, 100));
        bool sum = random.Next(2) == 0;
        if (!sum && second > first)
            (first, second) = (second, first);
        char name = "bcdkmnpxyz"[random.Next(10)];
        string prompt = string.Create(CultureInfo.InvariantCulture, $"{name} = {first}; print({name} {(sum ? '+' : '-')} {second})");
        return new Question(prompt, (sum ? first + second : first - second).ToString(CultureInfo.InvariantCulture), prompt);
    }

    private static Question DigitsAround(Random random)
    {
        var digits = "0123456789".ToCharArray();
        random.Shuffle(digits);
        string text = new(digits.AsSpan(0, random.Next(3, 6)));
        string[] formats = ["Turn '{0}' around.", "Reverse '{0}'.", "Flip '{0}'.", "Write '{0}' backwards.", "Mirror '{0}'."];
        string prompt = new Phrasing(formats[random.Next(formats.Length)], 1).With(text);
        return new Question(prompt, LettersSkill.Reversed(text), prompt);
    }
}
