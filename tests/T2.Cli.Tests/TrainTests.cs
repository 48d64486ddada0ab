using System.Text.Json.Nodes;
using T2.Gguf.Experts;

namespace T2.Cli.Tests;

/// <summary><c>t2 train</c> on a model with random weights, judged by a program that likes capital letters.</summary>
public class TrainTests(CliFixture files) : IClassFixture<CliFixture>
{
    private const string LikesCapitals = "command:grep -q '\"answer\":\"[^\"]*[A-Z]'";

    [SkippableFact]
    public async Task An_expert_is_trained_from_a_file_of_questions_and_says_how()
    {
        Skip.If(OperatingSystem.IsWindows(), "A shell of Unix.");
        string output = files.File("trained.gguf");
        var run = await T2Process.SucceedAsync([.. Train("svf", output, Questions("svf")), "--steps", "3", "--name", "shouting", "--json"]);
        var report = run.Json();
        Assert.Equal(1536, (int)report["parameters"]!);
        Assert.Equal(3, (int)report["steps"]!);
        Assert.Equal(4, (int)report["validation_items"]!);
        Assert.Contains("step 3/3, reward", run.StandardError, StringComparison.Ordinal);
        Assert.Contains("<svg", File.ReadAllText((string)report["curve"]!), StringComparison.Ordinal);
        Assert.Equal(6, File.ReadLines((string)report["log"]!).Count());
        var expert = Expert.Load(output);
        Assert.Equal(("shouting", "capitals"), (expert.Name, expert.Task));
        Assert.StartsWith("policy gradient, 3 steps of 4×3", expert.Training, StringComparison.Ordinal);
        Assert.False(File.Exists(output + ".checkpoint"));
    }

    [SkippableFact]
    public async Task A_lora_is_trained_on_the_same_questions_by_next_token()
    {
        Skip.If(OperatingSystem.IsWindows(), "A shell of Unix.");
        string output = files.File("trained-lora.gguf");
        var report = (await T2Process.SucceedAsync([.. Train("lora", output, Questions("lora")), "--steps", "2", "--objective", "next-token", "--rank", "2", "--json"])).Json();
        Assert.True((int)report["parameters"]! > 0);
        Assert.True(File.Exists(output));
    }

    [Fact]
    public async Task An_anchor_is_logged_and_one_that_makes_no_sense_is_refused()
    {
        string questions = Questions("anchored");
        string others = files.File("others.jsonl");
        File.WriteAllLines(others, ["""{"task":"others"}""", """{"prompt":"3","answer":"a"}""", """{"prompt":"of another kind","answer":"b"}"""]);
        string output = files.File("anchored.gguf");
        string[] arguments = ["train", "svf", "-m", files.Model, "--task", questions, "-o", output, "-t", "1", "-b", "4", "--steps", "2", "--objective", "next-token"];
        var run = await T2Process.SucceedAsync([.. arguments, "--anchor", others, "--anchor-weight", "2", "--anchor-batch", "3"]);
        Assert.Contains("1 questions of the anchor are asked by the task too", run.StandardError, StringComparison.Ordinal);
        Assert.Contains(", anchor's KL 0.", run.StandardError, StringComparison.Ordinal);
        Assert.Equal(2, File.ReadLines(Path.ChangeExtension(output, ".training.jsonl")).Count(static line => line.Contains("\"anchor_kl\":", StringComparison.Ordinal)));
        string how = Expert.Load(output).Training!;
        Assert.StartsWith("next token, 2 steps of 4,", how, StringComparison.Ordinal);
        Assert.Contains("KL 2 on 3 of 'others'", how, StringComparison.Ordinal);

        T2Process.AssertFailure(await T2Process.RunAsync([.. arguments, "--anchor", questions]), 2, "--anchor", "the task's own file");
        T2Process.AssertFailure(await T2Process.RunAsync([.. arguments, "--anchor-batch", "3"]), 2, "--anchor-batch", "without --anchor");
        File.Copy(questions, files.File("copy.jsonl"));
        T2Process.AssertFailure(await T2Process.RunAsync([.. arguments, "--anchor", files.File("copy.jsonl")]), 6, "Every question of the anchor");
        File.WriteAllText(others, "{\"task\":\"others\"}\n");
        T2Process.AssertFailure(await T2Process.RunAsync([.. arguments, "--anchor", others]), 3, "others.jsonl");
    }

    [Fact]
    public async Task Nothing_a_run_writes_goes_over_what_it_reads()
    {
        string questions = files.File("own.training.jsonl");
        File.Copy(Questions("own"), questions);
        string anchor = files.File("anchor.jsonl");
        File.WriteAllText(anchor, "{\"prompt\":\"of another kind\",\"answer\":\"b\"}\n");
        string before = File.ReadAllText(questions);
        string output = files.File("own.gguf");
        T2Process.AssertFailure(
            await T2Process.RunAsync("train", "svf", "-m", files.Model, "--task", questions, "-o", output, "-t", "1", "--objective", "next-token"), 2, "own.gguf goes with", "own.training.jsonl");
        T2Process.AssertFailure(
            await T2Process.RunAsync("train", "cem", "-m", files.Model, "--task", anchor, "--validation", questions, "-o", output, "-t", "1"), 2, "own.training.jsonl");
        T2Process.AssertFailure(
            await T2Process.RunAsync("train", "svf", "-m", files.Model, "--task", questions, "--anchor", anchor, "-o", anchor, "-t", "1"), 2, "would overwrite", "anchor.jsonl");
        Assert.Equal(before, File.ReadAllText(questions));
    }

    [SkippableFact]
    public async Task A_search_needs_no_gradients()
    {
        Skip.If(OperatingSystem.IsWindows(), "A shell of Unix.");
        string output = files.File("searched.gguf");
        string[] arguments = ["train", "cem", "-m", files.Model, "--task", Questions("cem"), "--verifier", LikesCapitals, "-o", output, "-t", "1", "--generations", "1", "--population", "3", "--elites", "2", "-b", "2", "--group", "kind", "--bands", "1"];
        await T2Process.SucceedAsync(arguments);
        Assert.Equal("cross-entropy method", Expert.Load(output).Extra["t2.training.objective"]);
    }

    [SkippableFact]
    public async Task Ctrl_C_keeps_a_checkpoint_and_resume_ends_as_if_it_had_not_been()
    {
        Skip.If(OperatingSystem.IsWindows(), "Unix signals.");
        string questions = Questions("stop");
        string whole = files.File("whole.gguf");
        await T2Process.SucceedAsync([.. Train("svf", whole, questions), "--steps", "20", "--name", "same", "-q"]);
        string stopped = files.File("stopped.gguf");
        string[] arguments = [.. Train("svf", stopped, questions), "--steps", "20", "--name", "same"];
        using (var t2 = new LiveT2(arguments))
        {
            while (!(await t2.ErrorLineAsync()).StartsWith("step 2/20", StringComparison.Ordinal))
            {
            }
            await t2.SignalAsync("INT");
            var (code, _, errors) = await t2.EndAsync();
            Assert.Equal(130, code);
            Assert.Matches(@"^t2: error: cancelled; step \d+ is kept in .*stopped\.gguf\.checkpoint, --resume goes on from it$", errors[^1]);
        }
        Assert.False(File.Exists(stopped));
        T2Process.AssertFailure(await T2Process.RunAsync([.. arguments, "-q"]), 6, "stopped.gguf.checkpoint", "resume it, or delete it");
        await T2Process.SucceedAsync([.. arguments, "--resume", "-q"]);
        Assert.Equal(File.ReadAllBytes(whole), File.ReadAllBytes(stopped));
    }

    [Fact]
    public async Task A_base_is_trained_from_text_and_runs()
    {
        string corpus = files.File("corpus.txt");
        File.WriteAllText(corpus, string.Join("\n\n", Enumerable.Range(0, 40).Select(static n => $"abc abc abc {n % 4}")));
        string output = files.File("base.gguf");
        string[] arguments =
        [
            "train", "base", "--corpus", corpus, "--template", files.Model, "-o", output, "--shape", "layers=1,embedding=32,ffn=64,heads=2,kv=1,context=32",
            "--steps", "60", "--batch-tokens", "128", "--warmup", "5", "--lr", "0.01", "--hold-out", "0.1", "-t", "1", "--json",
        ];
        var report = (await T2Process.SucceedAsync(arguments)).Json();
        Assert.Equal(40, (int)report["documents"]!);
        // A uniform guess among the vocabulary's hundreds of tokens is above 5 nats.
        Assert.True((double)report["validation_loss"]! < 2, report.ToJsonString());
        string answer = (await T2Process.SucceedAsync("run", "-m", output, "-t", "1", "-c", "32", "-n", "8", "--temp", "0", "--chat-template", "plain", "-q", "abc abc")).StandardOutput;
        Assert.Contains("abc", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_corpus_line_that_is_no_document_is_named()
    {
        string corpus = files.File("corpus.jsonl");
        File.WriteAllLines(corpus, ["{\"text\":\"one\"}", "{\"question\":\"two\"}"]);
        T2Process.AssertFailure(
            await T2Process.RunAsync("train", "base", "--corpus", corpus, "--template", files.Model, "-o", files.File("never-base.gguf")), 6, "corpus.jsonl:2", "\"text\"");
    }

    [Fact]
    public async Task A_task_that_would_run_a_program_needs_it_typed()
    {
        string questions = files.File("foreign.jsonl");
        File.WriteAllText(questions, """
            {"task":"foreign","verifier":"command:rm -rf nothing"}
            {"prompt":"1","answer":"2"}
            {"prompt":"2","answer":"3"}
            """);
        T2Process.AssertFailure(
            await T2Process.RunAsync("train", "svf", "-m", files.Model, "--task", questions, "-o", files.File("never.gguf")), 2, "command:rm -rf nothing", "--verifier");
    }

    [Fact]
    public async Task A_task_without_questions_is_a_bad_file()
    {
        string questions = files.File("empty.jsonl");
        File.WriteAllText(questions, "{\"task\":\"nothing\"}\n");
        T2Process.AssertFailure(await T2Process.RunAsync("train", "svf", "-m", files.Model, "--task", questions, "-o", files.File("never.gguf")), 3, "empty.jsonl");
    }

    private string[] Train(string how, string output, string questions) =>
    [
        "train", how, "-m", files.Model, "--task", questions, "--verifier", LikesCapitals, "-o", output, "-t", "1", "-b", "4", "--samples", "3", "--hold-out", "0.25", "--validate-every", "2",
    ];

    private string Questions(string name)
    {
        string path = files.File($"questions-{name}.jsonl");
        var lines = Enumerable.Range(0, 16).Select(static n => new JsonObject { ["prompt"] = $"{n}", ["answer"] = "a" }.ToJsonString());
        File.WriteAllLines(path, lines.Prepend("""{"task":"capitals","description":"capital letters","max_tokens":2}"""));
        return path;
    }
}
