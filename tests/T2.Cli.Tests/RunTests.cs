using System.Text.Json.Nodes;

namespace T2.Cli.Tests;

public class RunTests(CliFixture files) : IClassFixture<CliFixture>
{
    private const string Prompt = "Tell me about the sea";

    [Fact]
    public async Task The_answer_alone_goes_to_stdout_and_is_what_the_pipe_gets()
    {
        var run = await T2Process.SucceedAsync(CliFixture.Run(files.Model, Prompt));
        Assert.Equal("", run.StandardError);
        Assert.True(run.StandardOutput.Length > 5, run.ToString());
        Assert.EndsWith("\n", run.StandardOutput, StringComparison.Ordinal);

        var piped = await T2Process.RunWithInputAsync(Prompt + "\n", CliFixture.Run(files.Model));
        Assert.Equal(run.StandardOutput, piped.StandardOutput);
    }

    [Fact]
    public async Task Verbose_shows_the_stages_on_stderr_only()
    {
        var quiet = await T2Process.SucceedAsync(CliFixture.Run(files.Model, Prompt, "-e", files.Wild));
        var verbose = await T2Process.SucceedAsync(CliFixture.Run(files.Model, Prompt, "-e", files.Wild, "--verbose"));
        Assert.Equal(quiet.StandardOutput, verbose.StandardOutput);
        foreach (string stage in new[] { "load", "rebuild", "prefill", "decode", "first token" })
            Assert.Contains($"\n  {stage} ", verbose.StandardError, StringComparison.Ordinal);
        Assert.DoesNotContain('\e', verbose.StandardError);
    }

    [Fact]
    public async Task An_expert_of_ones_answers_as_the_base_does_also_when_sampling()
    {
        Assert.Equal(await files.AnswerAsync(files.Model, Prompt), await files.AnswerAsync(files.Model, Prompt, "-e", files.Ones));
        string expected = await SampleAsync("7");
        Assert.Equal(expected, await SampleAsync("7", "-e", files.Ones));
        Assert.NotEqual(expected, await SampleAsync("8"));

        async Task<string> SampleAsync(string seed, params string[] more) => (await T2Process.SucceedAsync(
            ["run", "-m", files.Model, "-t", "1", "-n", "24", "--temp", "0.9", "--seed", seed, Prompt, .. more])).StandardOutput;
    }

    [Fact]
    public async Task Experts_differ_from_the_base_and_from_one_another()
    {
        string[] answers =
        [
            await files.AnswerAsync(files.Model, Prompt),
            await files.AnswerAsync(files.Model, Prompt, "-e", files.Wild),
            await files.AnswerAsync(files.Model, Prompt, "-e", files.Tail),
        ];
        Assert.Equal(3, answers.Distinct().Count());
    }

    [Fact]
    public async Task A_mixture_is_that_of_the_vectors()
    {
        string both = files.File("both.gguf");
        await T2Process.SucceedAsync("expert", "mix", files.Wild + "=0.5", files.Tail + "=0.25", "-o", both, "--name", "both");
        string expected = await files.AnswerAsync(files.Model, Prompt, "-e", both);
        Assert.Equal(expected, await files.AnswerAsync(files.Model, Prompt, "--mix", $"{files.Wild}=0.5,{files.Tail}=0.25"));
        // By name, out of the library.
        Assert.Equal(expected, await files.AnswerAsync(files.Model, Prompt, "--experts", files.Wild, "--experts", files.Tail, "--mix", "wild=0.5,tail=0.25"));
        Assert.NotEqual(expected, await files.AnswerAsync(files.Model, Prompt, "--mix", $"{files.Wild}=0.25,{files.Tail}=0.5"));
    }

    [Fact]
    public async Task Json_holds_the_answer_and_how_it_came_about()
    {
        string answer = await files.AnswerAsync(files.Model, Prompt, "-e", files.Wild);
        var run = await T2Process.SucceedAsync(CliFixture.Run(files.Model, Prompt, "-e", files.Wild, "--json"));
        Assert.Equal("", run.StandardError);
        var report = run.Json();
        Assert.Equal(answer.TrimEnd('\n'), ((string)report["answer"]!).TrimEnd('\n'));
        Assert.Equal("wild", (string)report["expert"]!);
        Assert.Null(report["decision"]);
        Assert.Equal("max_tokens", (string)report["stop_reason"]!);
        Assert.Equal(24, (int)report["generated_tokens"]!);
        Assert.True((double)report["time_to_first_token_ms"]! > 0);
        Assert.Subset(
            report["stages"]!.AsArray().Select(static stage => (string)stage!["stage"]!).ToHashSet(),
            new HashSet<string> { "factor", "rebuild", "prefill", "decode" });
    }

    [Theory]
    [InlineData("prompt", "0")]
    [InlineData("prompt", "1")]
    [InlineData("generate", "0")]
    public async Task Dispatch_answers_with_what_it_decided(string how, string confidence)
    {
        string[] experts = ["--experts", files.Wild, "--experts", files.Tail];
        var report = (await T2Process.SucceedAsync(
            CliFixture.Run(files.Model, [Prompt, .. experts, "--dispatch", how, "--confidence", confidence, "--json"]))).Json();

        var decision = report["decision"]!.AsObject();
        string? chosen = (string?)decision["expert"];
        Assert.Equal(chosen, (string?)report["expert"]);
        Assert.True((int)decision["tokens"]! > 0);
        string expected = await files.AnswerAsync(files.Model, chosen is null ? [Prompt] : [Prompt, .. experts, "--expert", chosen]);
        Assert.Equal(expected.TrimEnd('\n'), ((string)report["answer"]!).TrimEnd('\n'));
        if (how == "prompt")
            AssertScores(decision, confidence == "1");
    }

    [Fact]
    public async Task Without_dispatch_a_library_changes_nothing() => Assert.Equal(
        await files.AnswerAsync(files.Model, Prompt),
        await files.AnswerAsync(files.Model, Prompt, "--experts", files.Wild, "--dispatch", "none"));

    [Fact]
    public async Task A_folder_of_experts_is_a_library()
    {
        string folder = Directory.CreateDirectory(files.File("library")).FullName;
        File.Copy(files.Wild, Path.Combine(folder, "wild.gguf"), true);
        File.Copy(files.Model, Path.Combine(folder, "base.gguf"), true);
        var run = await T2Process.SucceedAsync(CliFixture.Run(files.Model, Prompt, "--experts", folder, "--expert", "WILD"));
        Assert.Equal(await files.AnswerAsync(files.Model, Prompt, "-e", files.Wild), run.StandardOutput);
        Assert.Contains("base.gguf is not an expert", run.StandardError, StringComparison.Ordinal);
    }

    [Fact]
    public async Task How_the_model_lies_in_memory_changes_nothing() => Assert.Equal(
        await files.AnswerAsync(files.Model, Prompt, "-e", files.Wild),
        await files.AnswerAsync(files.Model, Prompt, "-e", files.Wild, "--no-mmap", "--no-repack"));

    [Fact]
    public async Task A_grammar_binds_the_answer()
    {
        string answer = await files.AnswerAsync(files.Model, Prompt, "--grammar", "root ::= \"yes\" | \"no\"");
        Assert.Contains(answer, new[] { "yes\n", "no\n" });
        T2Process.AssertFailure(await T2Process.RunAsync(CliFixture.Run(files.Model, Prompt, "--grammar", "root ::= (")), 2, "grammar");
    }

    [Fact]
    public async Task An_unknown_chat_template_is_named() =>
        T2Process.AssertFailure(await T2Process.RunAsync(CliFixture.Run(files.Model, Prompt, "--chat-template", "esperanto")), 2, "'esperanto'", "chatml");

    [Fact]
    public async Task A_system_prompt_and_a_template_change_the_answer()
    {
        string plain = await files.AnswerAsync(files.Model, Prompt, "--chat-template", "plain");
        string templated = await files.AnswerAsync(files.Model, Prompt);
        Assert.NotEqual(plain, templated);
        Assert.Equal(templated, await files.AnswerAsync(files.Model, Prompt, "--chat-template", "chatml"));
        Assert.NotEqual(templated, await files.AnswerAsync(files.Model, Prompt, "-sys", "You are a pirate."));
    }

    [Fact]
    public async Task A_prompt_longer_than_the_context_does_not_fit()
    {
        var result = await T2Process.RunWithInputAsync(string.Concat(Enumerable.Repeat("again and ", 400)), CliFixture.Run(files.Model));
        T2Process.AssertFailure(result, 4, "512");
    }

    [Fact]
    public async Task An_expert_of_other_weights_needs_permission()
    {
        string sidecar = files.File("permitted.t2factors");
        string[] arguments = CliFixture.Run(files.OtherModel, Prompt, "-e", files.Wild, "--factors", sidecar);
        T2Process.AssertFailure(await T2Process.RunAsync(arguments), 4, "wild");
        Assert.False(File.Exists(sidecar));
        var allowed = await T2Process.SucceedAsync([.. arguments, "--allow-other-base", "--quiet"]);
        Assert.Equal("", allowed.StandardError);
        Assert.NotEqual("", allowed.StandardOutput);
    }

    private static void AssertScores(JsonObject decision, bool mustBeUnsure)
    {
        var scores = decision["scores"]!.AsArray().ToDictionary(static score => (string)score!["label"]!, static score => (double)score!["probability"]!);
        Assert.Equal(["other", "tail", "wild"], scores.Keys.Order());
        Assert.Equal(1, scores.Values.Sum(), 6);
        Assert.Equal(scores.Values.Max(), (double)decision["confidence"]!);
        var best = scores.MaxBy(static score => score.Value);
        string? expected = mustBeUnsure && best.Value < 1 || best.Key == "other" ? null : best.Key;
        Assert.Equal(expected, (string?)decision["expert"]);
    }
}
