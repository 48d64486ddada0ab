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
    public async Task Labelled_prompts_become_three_tasks()
    {
        string folder = files.File("classifier-data");
        string prompts = files.File("classifier-prompts.jsonl");
        new TaskSet("p", null, "exact", 8, [.. Enumerable.Range(0, 10).Select(static index => new TaskItem($"{index}", $"Wild {index}", "x"))]).Save(prompts);
        string others = files.File("classifier-others.jsonl");
        new TaskSet("o", null, "exact", 8, [.. Enumerable.Range(0, 10).Select(static index => new TaskItem($"{index}", $"Chat {index}", "x"))]).Save(others);
        await T2Process.SucceedAsync("expert", "classifier-data", "-e", files.Wild, "-o", folder, $"wild={prompts}", $"other={others}");
        Assert.Equal(16, TaskSet.Load(Path.Combine(folder, "train.jsonl")).Items.Count);
        Assert.Equal(2, TaskSet.Load(Path.Combine(folder, "test.jsonl")).Items.Count);
        Assert.Contains("wild animals", TaskSet.Load(Path.Combine(folder, "valid.jsonl")).Items[0].System, StringComparison.Ordinal);
        T2Process.AssertFailure(await T2Process.RunAsync("expert", "classifier-data", "-e", files.Wild, "-o", folder, $"tame={prompts}"), 2, "'tame'");
    }

    private async Task<string> ShotsAsync(string name)
    {
        string path = files.File($"{name}-shots.jsonl");
        string answer = (await files.AnswerAsync(files.Model, Prompt)).Trim();
        new TaskSet("t", null, "exact", 4, [.. Enumerable.Range(0, 3).Select(index => new TaskItem($"{index}", $"Question {index}", answer.Length > 0 ? answer[..1] : "x"))]).Save(path);
        return path;
    }
}
