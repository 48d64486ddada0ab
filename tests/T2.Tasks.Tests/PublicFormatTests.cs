using System.IO.Compression;
using System.Text;
using T2.TestKit;

namespace T2.Tasks.Tests;

public sealed class PublicFormatTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Gsm8k_gives_the_number_after_the_mark()
    {
        var task = Load("{\"question\": \"How many?\", \"answer\": \"2*600=<<2*600=1200>>1200.\\n#### 1,200\"}");
        Assert.Equal(("numeric", "1,200"), (task.Verifier, task.Items[0].Answer));
        Assert.True((await Verifier.Create("numeric").VerifyAsync(task.Items[0], "So it is 2 * 600 = $1200.")).Correct);
        Assert.Contains(":1: 'answer' has no final answer", Assert.Throws<TaskFileException>(() => Load("{\"question\": \"?\", \"answer\": \"12\"}")).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\\\\frac{3}{4}", "It is \\boxed{\\dfrac{3}{4}}.", true)]
    [InlineData("\\\\frac{3}{4}", "\\boxed{0.75}", true)]
    [InlineData("\\\\left(3, \\\\frac{\\\\pi}{2}\\\\right)", "\\boxed{(3,\\frac{\\pi}{2})}", true)]
    [InlineData("12,345", "\\boxed{12{,}345} \\text{ wait}", true)]
    [InlineData("18^\\\\circ", "\\boxed{18}", true)]
    [InlineData("7", "I get 7", true)]
    [InlineData("7", "\\boxed{17}", false)]
    [InlineData("x+1", "\\boxed{x + 1}", true)]
    [InlineData("x+1", "x+1", false)]
    [InlineData("\\\\text{odd}", "\\boxed{odd}", true)]
    public async Task Math_compares_what_is_in_the_box(string boxed, string said, bool correct)
    {
        var task = Load("{\"problem\": \"P?\", \"level\": \"Level 1\", \"type\": \"Algebra\", \"solution\": \"We get $\\\\boxed{" + boxed + "}$.\"}");
        Assert.Equal(("math", "Algebra"), (task.Verifier, task.Items[0].Category));
        var verdict = await Verifier.Create("math").VerifyAsync(task.Items[0], said);
        Assert.True(correct == verdict.Correct, $"'{task.Items[0].Answer}' against '{verdict.Extracted}': {verdict.Problem}");
    }

    [Theory]
    [InlineData("{\"id\":\"q1\",\"question\":{\"stem\":\"Which?\",\"choices\":[{\"text\":\"red\",\"label\":\"1\"},{\"text\":\"2\",\"label\":\"2\"}]},\"answerKey\":\"2\"}", "(2)", "1")]
    [InlineData("{\"id\":\"q1\",\"question\":\"Which?\",\"choices\":{\"text\":[\"red\",\"2\"],\"label\":[\"A\",\"B\"]},\"answerKey\":\"B\"}", "The answer is B.", "A")]
    [InlineData("{\"question\":\"Which?\",\"subject\":\"art\",\"choices\":[\"red\",\"2\"],\"answer\":1}", "B", "red")]
    [InlineData("{\"question\":\"Which?\",\"subject\":\"art\",\"choices\":[\"red\",\"2\"],\"answer\":\"B\"}", "b) 2", "(A)")]
    public async Task Multiple_choice_takes_letters_and_digits_as_labels(string line, string right, string wrong)
    {
        var task = Load(line);
        Assert.Equal("choice", task.Verifier);
        Assert.Contains("Which?", task.Items[0].Prompt, StringComparison.Ordinal);
        Assert.True((await Verifier.Create("choice").VerifyAsync(task.Items[0], right)).Correct);
        Assert.False((await Verifier.Create("choice").VerifyAsync(task.Items[0], wrong)).Correct);
    }

    [SkippableFact]
    public async Task Mbpp_and_HumanEval_run_their_tests()
    {
        Skip.If(Sandbox.Problem is not null, Sandbox.Problem);
        var mbpp = Load("{\"task_id\": 7, \"text\": \"Double it.\", \"code\": \"\", \"test_setup_code\": \"import math\", \"test_list\": [\"assert double(2) == 4\", \"assert double(math.e) > 5\"]}");
        Assert.Equal(("python", "7"), (mbpp.Verifier, mbpp.Items[0].Id));
        var verifier = Verifier.Create("python");
        Assert.True((await verifier.VerifyAsync(mbpp.Items[0], "```python\ndef double(x):\n    return 2 * x\n```")).Correct);
        Assert.False((await verifier.VerifyAsync(mbpp.Items[0], "def double(x):\n    return x")).Correct);

        byte[] text = Encoding.UTF8.GetBytes(
            "{\"task_id\": \"HumanEval/0\", \"prompt\": \"from typing import List\\n\\ndef total(xs: List[int]) -> int:\\n    \\\"\\\"\\\" Sum. \\\"\\\"\\\"\\n\", \"entry_point\": \"total\", "
            + "\"canonical_solution\": \"    return sum(xs)\\n\", \"test\": \"def check(candidate):\\n    assert candidate([1, 2]) == 3\\n\"}\n");
        string path = _folder.File("human.jsonl.gz");
        using (var gzip = new GZipStream(File.Create(path), CompressionLevel.Fastest))
            gzip.Write(text);
        var human = TaskSet.Load(path);
        Assert.Equal("human", human.Name);
        Assert.True((await verifier.VerifyAsync(human.Items[0], "    return sum(xs)\n")).Correct);
        Assert.True((await verifier.VerifyAsync(human.Items[0], "```python\ndef total(xs: List[int]) -> int:\n    return sum(xs)\n```")).Correct);
        Assert.False((await verifier.VerifyAsync(human.Items[0], "    return 0\n")).Correct);
    }

    [Fact]
    public void Verifiers_that_run_programs_are_told_apart()
    {
        Assert.True(Verifier.RunsCommands("python"));
        Assert.True(Verifier.RunsCommands("command:true"));
        Assert.False(Verifier.RunsCommands("numeric"));
        Assert.True(Verifier.RunsAnswers("python"));
        Assert.False(Verifier.RunsAnswers("command:true"));
    }

    private TaskSet Load(string content)
    {
        string path = _folder.File("public.jsonl");
        File.WriteAllText(path, content);
        return TaskSet.Load(path);
    }
}
