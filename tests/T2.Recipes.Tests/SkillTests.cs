using System.Globalization;
using System.Text.RegularExpressions;

namespace T2.Recipes.Tests;

/// <summary>The generators' answers, worked out again from the question's text alone.</summary>
public sealed partial class SkillTests
{
    private const int Questions = 2000;

    [Fact]
    public void Arithmetic_answers_are_the_sums_and_differences_of_the_numbers_asked_about()
    {
        foreach (var question in Draw("arithmetic"))
        {
            int[] numbers = [.. Digits().Matches(question.Prompt).Select(static match => int.Parse(match.Value, CultureInfo.InvariantCulture))];
            bool difference = DifferenceWords().IsMatch(question.Prompt);
            int expected = !difference ? numbers.Sum() : Math.Abs(numbers[0] - numbers[1]);
            Assert.Equal(expected.ToString(CultureInfo.InvariantCulture), question.Answer);
            // Carelessness loses whole tens, never ones.
            Assert.Equal(0, (int.Parse(question.Rival, CultureInfo.InvariantCulture) - expected) % 10);
        }
    }

    [Fact]
    public void Letters_are_turned_around_and_the_rival_turns_them_in_a_circle()
    {
        foreach (var question in Draw("letters"))
        {
            string letters = Quoted().Match(question.Prompt).Groups[1].Value;
            var back = letters.ToCharArray();
            Array.Reverse(back);
            Assert.Equal(new string(back), question.Answer);
            Assert.Contains(question.Rival, letters + letters, StringComparison.Ordinal);
            Assert.NotEqual(letters, question.Rival);
        }
    }

    [Fact]
    public void The_first_of_a_ranking_is_behind_nobody()
    {
        foreach (var question in Draw("ranking"))
        {
            var behind = new HashSet<string>();
            foreach (Match fact in Fact().Matches(question.Prompt))
                behind.Add(fact.Groups[2].Value is "is ahead of" or "ranks above" or "is taller than" ? fact.Groups[3].Value : fact.Groups[1].Value);
            Assert.Equal(2, behind.Count);
            Assert.DoesNotContain(question.Answer, behind);
            Assert.Contains(question.Rival, behind);
        }
    }

    [Fact]
    public void Programs_print_what_running_them_line_by_line_gives()
    {
        foreach (var question in Draw("program"))
        {
            var values = new Dictionary<string, int>();
            string last = "";
            foreach (string statement in question.Prompt.Split("; "))
            {
                if (Assignment().Match(statement) is not { Success: true } assignment)
                    continue;
                int Value(string text) => values.TryGetValue(text, out int known) ? known : int.Parse(text, CultureInfo.InvariantCulture);
                int value = Value(assignment.Groups[2].Value);
                if (assignment.Groups[3].Success)
                {
                    value += (assignment.Groups[3].Value == "+" ? 1 : -1) * Value(assignment.Groups[4].Value);
                    last = assignment.Groups[1].Value;
                }
                values[assignment.Groups[1].Value] = value;
            }
            Assert.Equal(values[last].ToString(CultureInfo.InvariantCulture), question.Answer);
        }
    }

    [Fact]
    public void Sorted_letters_are_the_same_letters_in_order()
    {
        foreach (var question in Draw("sorting"))
        {
            var sorted = Quoted().Match(question.Prompt).Groups[1].Value.ToCharArray();
            Array.Sort(sorted);
            Assert.Equal(new string(sorted), question.Answer);
        }
    }

    [Fact]
    public void Every_latent_skill_is_undecided_and_the_missing_one_is_not()
    {
        foreach (var skill in SkillSet.Latent)
        {
            var questions = Draw(skill.Name);
            double right = questions.Average(static question => question.Answer == question.Rival ? 1 : question.Share);
            Assert.InRange(right, 0.4, 0.8);
            Assert.Contains(questions, static question => question.Share < 0.5 && question.Answer != question.Rival);
        }
        Assert.All(Draw("sorting"), static question => Assert.Equal(question.Answer, question.Rival));
    }

    [Fact]
    public void A_seed_gives_the_same_questions_every_time()
    {
        foreach (var skill in SkillSet.All)
        {
            var (first, second, other) = (new Random(5), new Random(5), new Random(6));
            var once = Enumerable.Range(0, 50).Select(_ => skill.Draw(first)).ToList();
            Assert.Equal(once, Enumerable.Range(0, 50).Select(_ => skill.Draw(second)));
            Assert.NotEqual(once, Enumerable.Range(0, 50).Select(_ => skill.Draw(other)));
        }
    }

    private static List<Question> Draw(string name)
    {
        var skill = SkillSet.All.Single(skill => skill.Name == name);
        var random = new Random(17);
        return [.. Enumerable.Range(0, Questions).Select(_ => skill.Draw(random))];
    }

    [GeneratedRegex(@"\d+")]
    private static partial Regex Digits();

    [GeneratedRegex("-|minus|Subtract|Difference")]
    private static partial Regex DifferenceWords();

    [GeneratedRegex("'([a-z]+)'")]
    private static partial Regex Quoted();

    [GeneratedRegex(@"(\w+) (is ahead of|is behind|ranks above|ranks below|is taller than|is shorter than) (\w+)\.")]
    private static partial Regex Fact();

    [GeneratedRegex(@"^(\w) = (\w)(?: ([+-]) (\w))?$")]
    private static partial Regex Assignment();
}
