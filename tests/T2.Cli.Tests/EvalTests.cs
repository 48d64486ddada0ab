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

    private string Task(string name, string header)
    {
        string path = files.File($"{name}.jsonl");
        File.WriteAllText(path, $"{header}\n{{\"prompt\":\"red\",\"answer\":\"1\"}}\n{{\"prompt\":\"green\",\"answer\":\"2\"}}\n{{\"prompt\":\"blue\",\"answer\":\"3\"}}\n");
        return path;
    }
}
