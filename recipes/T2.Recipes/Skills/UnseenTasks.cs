using System.Globalization;

namespace T2.Recipes;

/// <summary>Tasks in no text the model ever saw: skills combined, or shifted to other material. Nothing is trained on them.</summary>
internal static class UnseenTasks
{
    /// <summary>A task by its name, a source of its questions, and the seed of its test set.</summary>
    public sealed record Unseen(string Name, string Description, Func<Random, Question> Draw, int Seed);

    /// <summary>The tasks.</summary>
    public static IReadOnlyList<Unseen> All { get; } =
    [
        new("coins", "a sum in a story about people", Coins, 1015),
        new("two-digit-program", "a program that adds or subtracts two-digit numbers", TwoDigitProgram, 1016),
        new("queue-of-four", "who comes first among four, where training has three", random => RankingSkill.Draw(random, 4), 1017),
        new("digits-around", "digits turned around, where training has letters", DigitsAround, 1018),
        new("greeted-sum", "a sum or difference after a greeting", GreetedSum, 1022),
        new("six-letters", "six letters turned around, where training has three to five", SixLetters, 1023),
        new("longer-program", "a program that changes its variable once more than any in training", LongerProgram, 1024),
    ];

    private static readonly string[] s_turns = ["Turn '{0}' around.", "Reverse '{0}'.", "Flip '{0}'.", "Write '{0}' backwards.", "Mirror '{0}'."];

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

    private static Question GreetedSum(Random random)
    {
        var question = Split.Draw(SkillSet.Latent[0], Part.Test, random);
        return question with { Prompt = (random.Next(2) == 0 ? "Hello! " : "Good morning! ") + question.Prompt };
    }

    private static Question SixLetters(Random random)
    {
        var letters = "abcdefghijklmnopqrstuvwxyz".ToCharArray();
        random.Shuffle(letters);
        string text = new(letters.AsSpan(0, 6));
        string prompt = new Phrasing(s_turns[random.Next(s_turns.Length)], 1).With(text);
        return new Question(prompt, LettersSkill.Reversed(text), prompt);
    }

    private static Question LongerProgram(Random random)
    {
        var question = Split.Draw(SkillSet.Latent[3], Part.Test, random);
        // One more change of the first variable, just before the end, where it matters to the spreadsheet's reading alone.
        int end = question.Prompt.LastIndexOf("; ", StringComparison.Ordinal);
        string prompt = string.Create(CultureInfo.InvariantCulture, $"{question.Prompt[..end]}; {question.Prompt[0]} = {random.Next(10)}{question.Prompt[end..]}");
        return new Question(prompt, question.Answer, prompt);
    }

    private static Question DigitsAround(Random random)
    {
        var digits = "0123456789".ToCharArray();
        random.Shuffle(digits);
        string text = new(digits.AsSpan(0, random.Next(3, 6)));
        string prompt = new Phrasing(s_turns[random.Next(s_turns.Length)], 1).With(text);
        return new Question(prompt, LettersSkill.Reversed(text), prompt);
    }
}
