using System.Globalization;

namespace T2.Recipes;

/// <summary>Tasks that no text answered: skills combined, put in a setting they never had, or shifted to other material. Nothing is trained on them.</summary>
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
        new("greeted-sum", "a sum or difference after a greeting", Opened(SkillSet.Latent[0], Greeting), 1022),
        new("greeted-letters", "letters to turn around after a greeting", Opened(SkillSet.Latent[1], Greeting), 1025),
        new("remarked-sum", "a sum or difference after a remark with other numbers", Opened(SkillSet.Latent[0], Remark), 1026),
        new("remarked-program", "a program after a remark with other numbers", Opened(SkillSet.Latent[3], Remark), 1027),
        new("six-letters", "six letters turned around, where training has three to five", SixLetters, 1023),
        new("longer-program", "a program that changes its variable once more than any in training", LongerProgram, 1024),
    ];

    private static readonly string[] s_turns = ["Turn '{0}' around.", "Reverse '{0}'.", "Flip '{0}'.", "Write '{0}' backwards.", "Mirror '{0}'."];

    /// <summary>Texts whose pieces are tokens as well.</summary>
    public static IEnumerable<string> Templates => [Opening.Remark + "Sum of {1} and {3}:", "; print({0} + {1})", "; print({0} - {1})"];

    private static Question Coins(Random random)
    {
        var (remark, first, second) = Opening.DrawRemark(random);
        string prompt = string.Create(CultureInfo.InvariantCulture, $"{remark}What is {first} + {second}?");
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

    /// <summary>A question of a skill whose test set has it, after an opening it never had in the corpus.</summary>
    private static Func<Random, Question> Opened(Skill skill, Func<Random, string> opening) => random =>
    {
        var question = Split.Draw(skill, Part.Test, random);
        return question with { Prompt = opening(random) + question.Prompt };
    };

    private static string Greeting(Random random) => Opening.Greetings[random.Next(Opening.Greetings.Count)];

    private static string Remark(Random random) => Opening.DrawRemark(random).Text;

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
