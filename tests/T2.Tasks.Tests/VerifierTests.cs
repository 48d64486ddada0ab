using System.Diagnostics;

namespace T2.Tasks.Tests;

public sealed class VerifierTests
{
    [Theory]
    [InlineData("cat", " cat\n", true)]
    [InlineData("cat", "Cat", false)]
    [InlineData("cat", "a cat", false)]
    [InlineData("a  b", "a b", false)]
    public async Task Exact_means_equal_but_for_white_space_around(string answer, string said, bool correct)
    {
        Assert.Equal(correct, (await JudgeAsync("exact", answer, said)).Correct);
    }

    [Theory]
    [InlineData("42", "The answer is 42.", true)]
    [InlineData("42", "42", true)]
    [InlineData("42", "41", false)]
    [InlineData("42", "It is 42 or maybe 43", false)]
    [InlineData("42", "43, no: 42!", true)]
    [InlineData("1234", "1,234", true)]
    [InlineData("1,234", "1234", true)]
    [InlineData("1234567.5", "$1,234,567.50", true)]
    [InlineData("2", "1,2", true)]
    [InlineData("5678", "1,234,5678", true)]
    [InlineData("-7", "so x = -7", true)]
    [InlineData("-7", "\u22127", true)]
    [InlineData("7", "so x = -7", false)]
    [InlineData("3", "5-3", true)]
    [InlineData("-3", "5 * -3", true)]
    [InlineData("3", "n-3", true)]
    [InlineData("-5", "-$5", true)]
    [InlineData("-5", "$-5", true)]
    [InlineData("7", "+7", true)]
    [InlineData("0.5", "1/2", true)]
    [InlineData("1/2", ".5", true)]
    [InlineData("2/4", "1/2", true)]
    [InlineData("1.5", "1 1/2", true)]
    [InlineData("-1.5", "-1 1/2", true)]
    [InlineData("1/3", "0.333", false)]
    [InlineData("50", "50%", true)]
    [InlineData("0.5", "50 %", true)]
    [InlineData("50%", "0.5", true)]
    [InlineData("50%", "5%", false)]
    [InlineData("0.5%", "50%", false)]
    [InlineData("18", "€18.00", true)]
    [InlineData("18", "\u00A318", true)]
    [InlineData("72", "She pays 10, then #### 72 and 5 more? #### 72", true)]
    [InlineData("72", "#### 72\n", true)]
    [InlineData("72", "\\boxed{72} which took 3 steps", true)]
    [InlineData("3", "\\boxed{x} which took 3 steps", true)]
    [InlineData("0.75", "\\boxed{\\frac{3}{4}}", true)]
    [InlineData("-0.75", "\\boxed{-\\dfrac{3}{4}}", true)]
    [InlineData("0.5", "$\\frac12$", true)]
    [InlineData("1.5", "1\\frac{1}{2}", true)]
    [InlineData("10000", "10,\\!000", true)]
    [InlineData("1234", "1{,}234", true)]
    [InlineData("25", "\\boxed{25\\%}", true)]
    [InlineData("1500", "1.5e3", true)]
    [InlineData("1500", "1.5 \\times 10^{3}", true)]
    [InlineData("0.0015", "1.5 × 10^-3", true)]
    [InlineData("99999999999999999999999999", "99999999999999999999999998", false)]
    [InlineData("9007199254740993", "9007199254740992", false)]
    [InlineData("12", "12/0 is undefined, so 12", true)]
    public async Task Numeric_compares_what_numbers_mean(string answer, string said, bool correct)
    {
        var verdict = await JudgeAsync("numeric", answer, said);
        Assert.True(correct == verdict.Correct, $"took '{verdict.Extracted}' ({verdict.Problem})");
    }

    [Theory]
    [InlineData("")]
    [InlineData("no idea")]
    [InlineData("\\boxed{")]
    [InlineData("1e999999999")]
    public async Task An_answer_without_a_number_is_wrong_and_says_so(string said)
    {
        Assert.Equal(new Verdict(false, null, "no number in the answer"), await JudgeAsync("numeric", "1", said));
    }

    [Theory]
    [InlineData("numeric:0.01", "3.14159", "3.15", true)]
    [InlineData("numeric:0.01", "3.14", "3.15", true)]
    [InlineData("numeric:0.01", "3.14", "3.151", false)]
    [InlineData("numeric:0", "1", "1.0000001", false)]
    public async Task A_tolerance_is_the_largest_difference_that_counts_as_equal(string spec, string answer, string said, bool correct)
    {
        Assert.Equal(correct, (await JudgeAsync(spec, answer, said)).Correct);
    }

    [Theory]
    [InlineData("B", "B", true)]
    [InlineData("B", "b", true)]
    [InlineData("B", "(B)", true)]
    [InlineData("B", "B.", true)]
    [InlineData("B", "B) green", true)]
    [InlineData("B", "**B**", true)]
    [InlineData("B", "The answer is B.", true)]
    [InlineData("B", "The correct answer is (B) green.", true)]
    [InlineData("B", "Answer: B", true)]
    [InlineData("B", "answer: **(B)**", true)]
    [InlineData("B", "I would choose option B because A is wrong.", true)]
    [InlineData("B", "The answer is A. No, wait: the answer is B", true)]
    [InlineData("B", "A is red, so the correct option is B", true)]
    [InlineData("B", "\\boxed{B}", true)]
    [InlineData("B", "\\boxed{\\text{B}}", true)]
    [InlineData("B", "$\\boxed{\\textbf{(B)}}$ is the answer", true)]
    [InlineData("B", "#### B", true)]
    [InlineData("B", "2", true)]
    [InlineData("B", "The answer is 2.", true)]
    [InlineData("2", "B", true)]
    [InlineData("B", "green", true)]
    [InlineData("B", "The answer is green.", true)]
    [InlineData("green", "It must be green, I think", true)]
    [InlineData("green", "B", true)]
    [InlineData("B", "C", false)]
    [InlineData("B", "The answer is (C), not (B).", false)]
    [InlineData("A", "A green thing is green", false)]
    [InlineData("B", "it is red or green", false)]
    [InlineData("C", "blue-green", false)]
    public async Task Choice_takes_labels_and_texts_in_many_phrasings(string answer, string said, bool correct)
    {
        var verdict = await JudgeAsync("choice", answer, said, "red", "green", "blue", "none of these");
        Assert.True(correct == verdict.Correct, $"took '{verdict.Extracted}' ({verdict.Problem})");
    }

    [Theory]
    [InlineData("2", "2", true)]
    [InlineData("2", "The answer is 2) nine", true)]
    [InlineData("2", "nine", true)]
    [InlineData("2", "1", false)]
    [InlineData("2", "B", false)]
    public async Task Choices_may_bring_labels_of_their_own(string answer, string said, bool correct)
    {
        Assert.Equal(correct, (await JudgeAsync("choice", answer, said, "1) two", "2) nine", "3) 1")).Correct);
    }

    [Fact]
    public async Task A_number_among_the_choices_counts_as_its_text_unless_choices_bring_labels()
    {
        Assert.True((await JudgeAsync("choice", "2", "2", "3", "5", "2")).Correct);
        Assert.Equal("C", (await JudgeAsync("choice", "2", "2", "3", "5", "2")).Extracted);
        Assert.Equal("2", (await JudgeAsync("choice", "2", "(2) 5", "(1) 3", "(2) 5", "(3) 2")).Extracted);
    }

    [Theory]
    [InlineData("")]
    [InlineData("I do not know")]
    [InlineData("A cat and a dog")]
    [InlineData("Z")]
    public async Task An_answer_that_settles_on_no_choice_is_wrong_and_says_so(string said)
    {
        Assert.Equal(new Verdict(false, null, "no choice in the answer"), await JudgeAsync("choice", "A", said, "red", "green"));
    }

    [SkippableTheory]
    [InlineData("exit 0", true)]
    [InlineData("exit 1", false)]
    [InlineData("grep -q '\"answer\":\"4\"'", true)]
    [InlineData("grep -q '\"answer\":\"5\"'", false)]
    [InlineData("grep -q '\"item\":{\"id\":\"1\",\"prompt\":\"2+2\",\"answer\":\"4\"}'", true)]
    public async Task A_command_judges_by_its_exit_code(string command, bool correct)
    {
        Skip.If(OperatingSystem.IsWindows());
        var verdict = await JudgeAsync("command:" + command, "4", "4");
        Assert.Equal((correct, null), (verdict.Correct, verdict.Problem));
    }

    [Fact]
    public async Task What_a_command_prints_first_is_what_it_took_for_the_answer()
    {
        Assert.Equal(new Verdict(true, "four", null), await JudgeAsync("command:echo four; echo five", "4", "4"));
    }

    [Fact]
    public async Task A_command_that_cannot_run_says_so_instead_of_looking_like_a_wrong_answer()
    {
        var verdict = await JudgeAsync("command:no-such-command-of-t2", "4", "4");
        Assert.False(verdict.Correct);
        Assert.Contains("exit code 127", verdict.Problem, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_command_that_never_ends_is_ended_with_all_it_started()
    {
        var clock = Stopwatch.StartNew();
        var verdict = await new CommandVerifier("sleep 60 & sleep 61", TimeSpan.FromMilliseconds(200)).VerifyAsync(new("1", "", "x"), "x");
        Assert.Equal(new Verdict(false, null, "the verifier command took longer than 0.2 s"), verdict);
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(30), "the command was waited for");
    }

    [Fact]
    public async Task A_command_that_does_not_read_a_long_answer_still_judges()
    {
        Assert.True((await JudgeAsync("command:exec 0<&-; exit 0", "4", new string('x', 1_000_000))).Correct);
    }

    [Fact]
    public async Task Cancelling_stops_a_command()
    {
        using var stop = new CancellationTokenSource(TimeSpan.FromMilliseconds(100));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
            await Verifier.Create("command:sleep 60").VerifyAsync(new("1", "", "x"), "x", stop.Token));
    }

    [Theory]
    [InlineData("fuzzy", "There is no verifier 'fuzzy'")]
    [InlineData("", "There is no verifier ''")]
    [InlineData("exact:1", "There is no verifier 'exact:1'")]
    [InlineData("numeric:x", "tolerance")]
    [InlineData("numeric:-1", "tolerance")]
    [InlineData("command: ", "names no command")]
    public void An_unknown_verifier_is_refused_by_name(string spec, string part)
    {
        Assert.Contains(part, Assert.Throws<ArgumentException>(() => Verifier.Create(spec)).Message, StringComparison.Ordinal);
    }

    private static async Task<Verdict> JudgeAsync(string spec, string answer, string said, params string[] choices) =>
        await Verifier.Create(spec).VerifyAsync(new("1", "2+2", answer) { Choices = choices.Length > 0 ? choices : null }, said);
}
