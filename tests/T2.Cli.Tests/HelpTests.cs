using T2.TestKit;

namespace T2.Cli.Tests;

public class HelpTests
{
    [Fact]
    public async Task Root_help_lists_commands_and_exit_codes()
    {
        var help = await T2Process.SucceedAsync("--help");
        foreach (string command in new[] { "run", "inspect", "factor", "expert", "search", "export", "train", "eval", "convert", "bench", "plan", "kernels" })
            Assert.Contains($"\n  {command} ", help.StandardOutput, StringComparison.Ordinal);
        string page = await File.ReadAllTextAsync(Path.Combine(RepositoryRoot.Path, "docs", "command-line.md"));
        foreach (int code in Enum.GetValues<ExitCode>())
        {
            string meaning = Assert.Single(help.StandardOutput.Split('\n'), line => line.TrimStart().StartsWith($"{code}  ", StringComparison.Ordinal)).Trim()[$"{code}  ".Length..];
            Assert.Contains($"| {code} | {meaning} |", page, StringComparison.Ordinal);
        }
        Assert.Equal("", help.StandardError);
    }

    [Theory]
    [InlineData("run")]
    [InlineData("inspect")]
    [InlineData("factor")]
    [InlineData("expert create")]
    [InlineData("expert show")]
    [InlineData("expert mix")]
    [InlineData("expert verify")]
    [InlineData("expert transfer")]
    [InlineData("train classifier")]
    [InlineData("search")]
    [InlineData("export")]
    [InlineData("convert")]
    [InlineData("train svf")]
    [InlineData("train lora")]
    [InlineData("train cem")]
    [InlineData("train base")]
    [InlineData("eval")]
    [InlineData("bench")]
    [InlineData("plan")]
    [InlineData("kernels")]
    public async Task Every_command_shows_an_example_of_itself(string command)
    {
        var help = await T2Process.SucceedAsync([.. command.Split(' '), "--help"]);
        string examples = help.StandardOutput[help.StandardOutput.IndexOf("Examples:", StringComparison.Ordinal)..];
        Assert.Contains($"t2 {command}", examples, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Version_names_t2_and_llama()
    {
        var version = await T2Process.SucceedAsync("--version");
        Assert.Matches(@"^t2 \d+\.\d+\.\d+\nllama\.cpp .*\d", version.StandardOutput);
    }

    [Fact]
    public async Task Kernels_names_exactly_one_to_be_used()
    {
        var report = (await T2Process.SucceedAsync("kernels", "--json")).Json();
        Assert.Single(report["kernels"]!.AsArray(), static kernel => (bool)kernel!["used"]! && (bool)kernel["available"]!);
        Assert.All(report["kernels"]!.AsArray(), static kernel => Assert.NotEqual("", (string)kernel!["reason"]!));
    }
}
