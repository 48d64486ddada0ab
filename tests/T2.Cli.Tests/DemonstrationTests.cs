using T2.Tasks;
using T2.TestKit;

namespace T2.Cli.Tests;

/// <summary>README's first command: <c>t2 run</c>, on the model that comes with it.</summary>
public class DemonstrationTests(CliFixture files) : IClassFixture<CliFixture>
{
    [Fact]
    public async Task Run_without_arguments_answers_right_where_the_base_does_not()
    {
        var questions = TaskSet.Load(Path.Combine(RepositoryRoot.Path, "models", "bundled", "demonstration.jsonl"));
        Assert.NotEmpty(questions.Items);
        var run = await T2Process.SucceedAsync("run", "-t", "1", "--factors", files.File("mini.t2factors"));
        string[] lines = run.StandardOutput.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        foreach (var item in questions.Items)
        {
            string line = Assert.Single(lines, line => line.Contains(item.Prompt, StringComparison.Ordinal));
            string[] cells = line[(line.IndexOf(item.Prompt, StringComparison.Ordinal) + item.Prompt.Length)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
            // What is right, what the base says, what it says adapted, and by which expert.
            Assert.Equal((item.Answer, item.Answer, item.Id + ","), (cells[0], cells[2], cells[3]));
            Assert.NotEqual(item.Answer, cells[1]);
        }
    }

    [Fact]
    public async Task One_question_of_it_shows_dispatch_expert_rebuild_and_answer()
    {
        var item = TaskSet.Load(Path.Combine(RepositoryRoot.Path, "models", "bundled", "demonstration.jsonl")).Items[0];
        var run = await T2Process.SucceedAsync("run", "-t", "1", "--factors", files.File("mini.t2factors"), "--temp", "0", "--verbose", item.Prompt);
        Assert.Equal(item.Answer, run.StandardOutput.Trim());
        foreach (string stage in (string[])["dispatch", item.Id, "rebuild", "prefill"])
            Assert.Contains(stage, run.StandardError, StringComparison.Ordinal);
    }
}
