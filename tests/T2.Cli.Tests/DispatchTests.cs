using T2.Gguf.Experts;
using T2.Tasks;

namespace T2.Cli.Tests;

public class DispatchTests(CliFixture files) : IClassFixture<CliFixture>
{
    private const string Prompt = "What is it?";

    [Fact]
    public async Task A_classification_expert_decides_by_name_by_file_and_by_being_the_only_one()
    {
        string classifier = files.File("dispatch-cls.gguf");
        Expert.Load(files.Tail).With(name: "cls", extra: new KeyValuePair<string, string>(Expert.RoleKey, Expert.ClassifierRole)).Save(classifier);
        string[] common = ["--dispatch", "cls", "--confidence", "0", "--json"];
        var byFile = (await T2Process.SucceedAsync(CliFixture.Run(files.Model, [Prompt, "--experts", files.Wild, .. common, "--classifier", classifier]))).Json();
        var alone = (await T2Process.SucceedAsync(CliFixture.Run(files.Model, [Prompt, "--experts", files.Wild, "--experts", classifier, .. common]))).Json();
        Assert.Equal(byFile["decision"]!.ToJsonString(), alone["decision"]!.ToJsonString());
        Assert.Equal(["other", "wild"], byFile["decision"]!["scores"]!.AsArray().Select(static score => (string)score!["label"]!).Order());
        var onBase = (await T2Process.SucceedAsync(CliFixture.Run(files.Model, [Prompt, "--experts", files.Wild, "--confidence", "0", "--json"]))).Json();
        Assert.NotEqual(onBase["decision"]!["scores"]!.ToJsonString(), byFile["decision"]!["scores"]!.ToJsonString());

        T2Process.AssertFailure(await T2Process.RunAsync(CliFixture.Run(files.Model, [Prompt, "--experts", files.Wild, .. common])), 2, "--classifier");
    }

    [Fact]
    public async Task A_search_writes_an_expert_and_run_answers_with_the_same_one()
    {
        string shots = await ShotsAsync("search");
        string found = files.File("search-found.gguf");
        string[] search = ["search", "-m", files.Model, "-t", "1", "-e", files.Wild, "-e", files.Tail, "--shots", shots, "--shot-count", "2"];
        string[] small = ["--population", "6", "--elites", "2", "--generations", "2"];
        var report = (await T2Process.SucceedAsync([.. search, .. small, "-o", found, "--name", "found", "--json"])).Json();
        Assert.Equal(12, (int)report["candidates"]!);
        var expert = Expert.Load(found);
        Assert.Equal("found", expert.Name);
        Assert.Contains("wild=", expert.Extra[Expert.MixKey], StringComparison.Ordinal);

        // Interrupted or not, the same seed finds the same.
        string again = files.File("search-again.gguf");
        string state = files.File("search-state.json");
        await T2Process.SucceedAsync([.. search, .. small, "-o", again, "--name", "found", "--state", state]);
        var resumed = (await T2Process.SucceedAsync([.. search, .. small, "-o", again, "--name", "found", "--state", state, "--json"])).Json();
        Assert.Equal(0, (int)resumed["candidates"]!);
        Assert.Equal(await File.ReadAllBytesAsync(found), await File.ReadAllBytesAsync(again));

        string[] light = [Prompt, "--experts", files.Wild, "--experts", files.Tail];
        var answered = (await T2Process.SucceedAsync(CliFixture.Run(
            files.Model, [.. light, "--dispatch", "fewshot", "--shots", shots, "--shot-count", "1", "--light", "--json"]))).Json();
        Assert.Equal("fewshot", (string?)answered["expert"]);
    }

    [Fact]
    public async Task A_transfer_names_both_fingerprints()
    {
        string moved = files.File("transfer-moved.gguf");
        var report = (await T2Process.SucceedAsync("expert", "transfer", files.Wild, "-m", files.OtherModel, "-o", moved, "--json")).Json();
        Assert.NotEqual((string?)report["from"], (string?)report["to"]);
        Assert.Equal(0, (int)report["resampled"]!);
        await T2Process.SucceedAsync("expert", "verify", moved, "-m", files.OtherModel);
        T2Process.AssertFailure(await T2Process.RunAsync("expert", "verify", files.Wild, "-m", files.OtherModel), 4, "");
    }

    [Fact]
    public async Task A_classifier_is_trained_from_labelled_prompts_tested_and_marked()
    {
        string output = files.File("trained-cls.gguf");
        string folder = files.File("classifier-tasks");
        string chat = files.File("classifier-chat.jsonl");
        new TaskSet("o", null, "exact", 8, [.. Enumerable.Range(0, 10).Select(static index => new TaskItem($"{index}", $"Chat {index}", "x"))]).Save(chat);
        string[] command =
        [
            .. Classifier(output), "--prompts", Labelled("classifier", ("Wild", "wild", 10), ("Tail", "tail", 10)), "--prompts", $"other={chat}", "--tasks-out", folder,
            "--steps", "2", "-b", "4", "--validate-every", "1",
        ];
        var run = await T2Process.SucceedAsync([.. command, "--json"]);
        var report = run.Json();
        Assert.Equal((3, 2), ((int)report["test_items"]!, (int)report["training"]!["steps"]!));
        foreach (string side in new[] { "before", "after" })
        {
            Assert.Equal(["wild", "tail", "other"], report[side]!["columns"]!.AsArray().Select(static name => (string)name!));
            Assert.Equal([1, 1, 1], report[side]!["counts"]!.AsArray().Select(static row => row!.AsArray().Sum(static count => (int)count!)));
        }
        Assert.Equal((24, 3, 3), (TaskSet.Load(Path.Combine(folder, "train.jsonl")).Items.Count, TaskSet.Load(Path.Combine(folder, "valid.jsonl")).Items.Count, TaskSet.Load(Path.Combine(folder, "test.jsonl")).Items.Count));

        var expert = Expert.Load(output);
        Assert.True(expert.IsClassifier);
        Assert.StartsWith("next token, 2 steps of 4", expert.Training, StringComparison.Ordinal);
        // What it says of the test is what 't2 eval' says.
        var eval = (await T2Process.SucceedAsync(
            "eval", "-m", files.Model, "--experts", files.Wild, "--experts", files.Tail, "--experts", output, "--tasks", Path.Combine(folder, "test.jsonl"), "--strategies", "prompt,cls", "-n", "1",
            "-o", files.File("classifier-eval"), "-t", "1", "--json")).Json();
        foreach (int side in new[] { 0, 1 })
            Assert.Equal((int)report[side == 0 ? "before" : "after"]!["right"]!, (int)eval["dispatch"]![side]!["right"]!);
    }

    [Fact]
    public async Task Prompts_that_cannot_train_a_classifier_are_refused_before_any_training()
    {
        string output = files.File("never-cls.gguf");
        async Task Refused(int code, string prompts, params string[] fragments) =>
            T2Process.AssertFailure(await T2Process.RunAsync([.. Classifier(output), "--prompts", prompts]), code, fragments);
        await Refused(2, Labelled("tame", ("A", "wild", 3), ("B", "tame", 3)), "'tame'", "wild, tail, other");
        await Refused(2, Labelled("few", ("A", "wild", 3), ("B", "tail", 2), ("C", "other", 3)), "'tail'", "2 prompts", "3 at least");
        await Refused(2, Labelled("sure", ("A", "wild", 3), ("B", "tail", 3)), "'other'");
        await Refused(2, Labelled("idle", ("A", "wild", 3), ("C", "other", 3)), "'tail'");
        string bare = files.File("bare.jsonl");
        File.WriteAllText(bare, "{\"prompt\":\"A\",\"label\":\"wild\"}\n{\"prompt\":\"B\"}\n");
        await Refused(3, bare, "bare.jsonl:2", "'label'");
        Assert.False(File.Exists(output));
    }

    private string[] Classifier(string output) => ["train", "classifier", "-m", files.Model, "-e", files.Wild, "-e", files.Tail, "-o", output, "-t", "1"];

    private string Labelled(string name, params (string Prompt, string Label, int Count)[] groups)
    {
        string path = files.File($"labelled-{name}.jsonl");
        File.WriteAllLines(path, groups.SelectMany(static group => Enumerable.Range(0, group.Count).Select(index => $"{{\"prompt\":\"{group.Prompt} {index}\",\"label\":\"{group.Label}\"}}")));
        return path;
    }

    private async Task<string> ShotsAsync(string name)
    {
        string path = files.File($"{name}-shots.jsonl");
        string answer = (await files.AnswerAsync(files.Model, Prompt)).Trim();
        new TaskSet("t", null, "exact", 4, [.. Enumerable.Range(0, 3).Select(index => new TaskItem($"{index}", $"Question {index}", answer.Length > 0 ? answer[..1] : "x"))]).Save(path);
        return path;
    }
}
