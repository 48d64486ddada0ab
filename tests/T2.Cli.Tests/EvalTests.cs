using System.Text.Json.Nodes;
using T2.Gguf.Experts;

namespace T2.Cli.Tests;

public class EvalTests(CliFixture files) : IClassFixture<CliFixture>
{
    [Fact]
    public async Task Strategies_are_compared_on_the_same_items_and_a_second_run_answers_nothing_anew()
    {
        string task = Task("colours", "{\"task\":\"colours\",\"max_tokens\":4}");
        string folder = files.File("eval-compare");
        string[] command =
        [
            "eval", "-m", files.Model, "--experts", files.Wild, "--experts", files.Tail, "--tasks", task, "--strategies", "base,experts,uniform,prompt", "-o", folder, "-t", "1", "--json",
        ];
        var report = (await T2Process.SucceedAsync(command)).Json();
        Assert.Equal(["base", "expert:wild", "expert:tail", "uniform", "prompt"], report["strategies"]!.AsArray().Select(static name => (string)name!));
        Assert.All(report["results"]!.AsArray(), static result => Assert.Equal(3, (int)result!["items"]!));
        Assert.Equal(3, report["dispatch"]![0]!["counts"]![0]!.AsArray().Sum(static count => (int)count!));
        Assert.Contains("<svg", File.ReadAllText(Path.Combine(folder, "report.html")), StringComparison.Ordinal);

        string log = File.ReadAllText(Path.Combine(folder, "answers.jsonl"));
        await T2Process.SucceedAsync(command);
        Assert.Equal(log, File.ReadAllText(Path.Combine(folder, "answers.jsonl")));
        T2Process.AssertFailure(await T2Process.RunAsync([.. command, "--temp", "1"]), 3, "another setting", "--restart");
    }

    [Fact]
    public async Task What_runs_programs_needs_consent()
    {
        string task = Task("judged", "{\"task\":\"judged\",\"verifier\":\"command:exit 0\",\"max_tokens\":2}");
        string folder = files.File("eval-consent");
        string[] command = ["eval", "-m", files.Model, "--tasks", task, "-o", folder, "-t", "1", "--json"];
        T2Process.AssertFailure(await T2Process.RunAsync(command), 2, "exit 0", "--allow-code-execution");
        T2Process.AssertFailure(await T2Process.RunAsync([.. command, "--verifier", "python"]), 2, "sandbox", "--allow-code-execution");
        Assert.False(Directory.Exists(folder));
    }

    [Fact]
    public async Task What_is_wrong_is_named_with_its_exit_code()
    {
        string task = Task("plain", "{\"task\":\"plain\",\"max_tokens\":2}");
        string broken = files.File("broken.jsonl");
        File.WriteAllText(broken, "{\"prompt\":\"p\"}\n");
        T2Process.AssertFailure(await T2Process.RunAsync("eval", "-m", files.Model, "--tasks", broken), 3, "broken.jsonl:1", "'answer' is missing");
        T2Process.AssertFailure(await T2Process.RunAsync("eval", "-m", files.Model, "--tasks", task, "--strategies", "magic"), 2, "magic");
        T2Process.AssertFailure(await T2Process.RunAsync("eval", "-m", files.Model, "--tasks", task, "--strategies", "prompt"), 2, "--experts");
        T2Process.AssertFailure(await T2Process.RunAsync("eval", "-m", files.OtherModel, "--tasks", task, "--strategies", $"expert:{files.Wild}"), 4, "wild");
    }

    [Fact]
    public async Task A_mixture_is_searched_for_once_per_task_by_examples_of_it()
    {
        string first = Task("colours", "{\"task\":\"colours\",\"max_tokens\":2}");
        string second = Task("shades", "{\"task\":\"shades\",\"max_tokens\":2}");
        string shots = files.File("eval-shots");
        Directory.CreateDirectory(shots);
        foreach (string task in new[] { "colours", "shades" })
            File.WriteAllText(Path.Combine(shots, $"{task}.jsonl"), $"{{\"prompt\":\"{task} of grey\",\"answer\":\"4\"}}\n{{\"prompt\":\"{task} of white\",\"answer\":\"5\"}}\n");
        string folder = files.File("eval-fewshot");
        string[] command =
        [
            "eval", "-m", files.Model, "--experts", files.Wild, "--experts", files.Tail, "--strategies", "base,fewshot", "--shots", shots, "--generations", "2", "--population", "3",
            "--elites", "2", "-o", folder, "-t", "1", "--json", "--tasks", first,
        ];
        var run = await T2Process.SucceedAsync(command);
        Assert.Contains("generation 2/2", run.StandardError, StringComparison.Ordinal);
        string file = Path.Combine(folder, "fewshot", "colours.gguf");
        var expert = Expert.Load(file);
        Assert.Matches("^wild=[0-9.]+,tail=[0-9.]+$", expert.Extra[Expert.MixKey]);
        var mixture = run.Json()["mixtures"]![0]!;
        Assert.Equal(("fewshot", "colours"), ((string)mixture["strategy"]!, (string)mixture["task"]!));
        Assert.Equal(expert.Extra[Expert.MixKey], string.Join(',', mixture["weights"]!.AsObject().Select(static pair => $"{pair.Key}={pair.Value}")));
        Assert.Contains("shots=2", (string)mixture["search"]!, StringComparison.Ordinal);
        Assert.Contains("fewshot: colours", File.ReadAllText(Path.Combine(folder, "report.html")), StringComparison.Ordinal);

        // What it answered is what 't2 eval' answers with the file that it wrote.
        string[] again = ["eval", "-m", files.Model, "--tasks", first, "--strategies", $"expert:{file}", "-o", files.File("eval-fewshot-file"), "-t", "1", "--json"];
        await T2Process.SucceedAsync(again);
        Assert.Equal(Answers(folder, "fewshot"), Answers(files.File("eval-fewshot-file"), "expert:colours"));

        // Another task is searched for; the first one's search is over, and its answers stay.
        byte[] found = File.ReadAllBytes(file);
        run = await T2Process.SucceedAsync([.. command, "--tasks", second]);
        Assert.Equal(2, run.StandardError.Split("generation ").Length - 1);
        Assert.Equal(found, File.ReadAllBytes(file));
        Assert.Equal(["colours", "shades"], run.Json()["mixtures"]!.AsArray().Select(static one => (string)one!["task"]!));

        T2Process.AssertFailure(await T2Process.RunAsync([.. command, "--search-seed", "1", "-q"]), 2, "colours.search.json", "other settings");
        await T2Process.SucceedAsync([.. command, "--search-seed", "1", "--restart"]);
    }

    [Fact]
    public async Task Examples_that_are_questions_or_missing_are_refused()
    {
        string task = Task("tones", "{\"task\":\"tones\",\"max_tokens\":2}");
        string other = Task("hues", "{\"task\":\"hues\",\"max_tokens\":2}");
        string shots = files.File("seen-shots.jsonl");
        File.WriteAllText(shots, "{\"prompt\":\"grey\",\"answer\":\"4\"}\n{\"id\":\"seen\",\"prompt\":\"green\",\"answer\":\"2\"}\n");
        string empty = files.File("no-shots");
        Directory.CreateDirectory(empty);
        string[] command = ["eval", "-m", files.Model, "--experts", files.Wild, "--strategies", "fewshot", "-o", files.File("eval-seen"), "-t", "1", "--tasks", task];
        T2Process.AssertFailure(await T2Process.RunAsync([.. command, "--shots", shots]), 4, "seen-shots.jsonl", "'seen'", "question '3'", "'tones'");
        T2Process.AssertFailure(await T2Process.RunAsync(command), 2, "--shots");
        T2Process.AssertFailure(await T2Process.RunAsync([.. command, "--shots", shots, "--tasks", other]), 2, "one task", "TASK.jsonl");
        T2Process.AssertFailure(await T2Process.RunAsync([.. command, "--shots", empty]), 3, "tones.jsonl", "'tones'");
        T2Process.AssertFailure(await T2Process.RunAsync("eval", "-m", files.Model, "--tasks", task, "--shots", shots), 2, "--shots", "fewshot");
        Assert.False(Directory.Exists(files.File("eval-seen")));
    }

    private static string[] Answers(string folder, string strategy) =>
    [
        .. File.ReadLines(Path.Combine(folder, "answers.jsonl"))
            .Select(static line => JsonNode.Parse(line)!["item"])
            .Where(item => (string?)item?["strategy"] == strategy)
            .Select(static item => $"{item!["id"]}: {item["answer"]}")
            .Order(StringComparer.Ordinal),
    ];

    private string Task(string name, string header)
    {
        string path = files.File($"{name}.jsonl");
        File.WriteAllText(path, $"{header}\n{{\"prompt\":\"red\",\"answer\":\"1\"}}\n{{\"prompt\":\"green\",\"answer\":\"2\"}}\n{{\"prompt\":\"blue\",\"answer\":\"3\"}}\n");
        return path;
    }
}
