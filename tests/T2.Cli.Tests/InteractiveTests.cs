namespace T2.Cli.Tests;

public class InteractiveTests(CliFixture files) : IClassFixture<CliFixture>
{
    private const string Prompt = "Tell me about the sea";

    [Fact]
    public async Task Lines_are_prompts_and_slashes_are_commands()
    {
        string plain = await files.AnswerAsync(files.Model, Prompt);
        string wild = await files.AnswerAsync(files.Model, Prompt, "-e", files.Wild);

        var session = await T2Process.RunWithInputAsync(
            $"{Prompt}\n/clear\n/expert wild\n{Prompt}\n/timings\n/expert\n/base\n/clear\n/bogus\n/expert nobody\n/help\n{Prompt}\n/quit\n{Prompt}\n",
            CliFixture.Run(files.Model, "--interactive", "--experts", files.Wild, "--dispatch", "none"));

        Assert.Equal(0, session.ExitCode);
        Assert.Equal(plain + wild + plain, session.StandardOutput);
        Assert.Contains("\n  rebuild ", session.StandardError, StringComparison.Ordinal);
        Assert.Contains("wild: questions about wild animals", session.StandardError, StringComparison.Ordinal);
        Assert.Contains("t2: error: There is no command '/bogus'", session.StandardError, StringComparison.Ordinal);
        Assert.Contains("t2: error: 'nobody' is neither", session.StandardError, StringComparison.Ordinal);
        Assert.Contains("/dispatch [HOW]", session.StandardError, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_conversation_remembers_until_cleared_and_ends_with_the_input()
    {
        var session = await T2Process.RunWithInputAsync($"{Prompt}\n{Prompt}\n/clear\n{Prompt}\n", CliFixture.Run(files.Model, "--interactive", "--json"));
        Assert.Equal(0, session.ExitCode);
        int[] prompts = [.. session.StandardOutput.TrimEnd('\n').Split('\n').Select(static line => (int)System.Text.Json.Nodes.JsonNode.Parse(line)!["prompt_tokens"]!)];
        Assert.Equal(3, prompts.Length);
        Assert.True(prompts[1] > prompts[0] + 24, string.Join(' ', prompts));
        Assert.Equal(prompts[0], prompts[2]);
    }

    [Fact]
    public async Task Dispatch_and_mixtures_can_be_chosen_on_the_way()
    {
        string mixed = await files.AnswerAsync(files.Model, Prompt, "--mix", files.Wild + "=0.5");
        var session = await T2Process.RunWithInputAsync(
            $"/expert wild=0.5\n{Prompt}\n/dispatch generate\n{Prompt}\n/timings\n/dispatch sideways\n",
            CliFixture.Run(files.Model, "--interactive", "--experts", files.Wild, "--dispatch", "none"));
        Assert.Equal(0, session.ExitCode);
        Assert.StartsWith(mixed, session.StandardOutput, StringComparison.Ordinal);
        Assert.Contains("\n  dispatch ", session.StandardError, StringComparison.Ordinal);
        Assert.Contains("t2: error: 'sideways'", session.StandardError, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_failed_answer_does_not_end_the_session()
    {
        string plain = await files.AnswerAsync(files.Model, Prompt);
        string tooLong = string.Concat(Enumerable.Repeat("again and ", 400));
        var session = await T2Process.RunWithInputAsync($"{tooLong}\n{Prompt}\n", CliFixture.Run(files.Model, "--interactive"));
        Assert.Equal(0, session.ExitCode);
        Assert.Equal(plain, session.StandardOutput);
        Assert.Contains("t2: error: The prompt takes", session.StandardError, StringComparison.Ordinal);
    }
}
