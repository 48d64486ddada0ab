namespace T2.Cli.Tests;

public class ExportTests(CliFixture files) : IClassFixture<CliFixture>
{
    private const string Prompt = "Tell me about the sea";

    [Fact]
    public async Task An_exported_model_answers_as_the_expert_did()
    {
        string exported = files.File("exported.gguf");
        await T2Process.SucceedAsync("export", "-m", files.Model, "-e", files.Wild, "-o", exported, "-t", "2");
        string answer = await files.AnswerAsync(exported, Prompt);
        Assert.Equal(await files.AnswerAsync(files.Model, Prompt, "-e", files.Wild), answer);
        Assert.NotEqual(await files.AnswerAsync(files.Model, Prompt), answer);
        Assert.Equal("wild", (string)(await T2Process.SucceedAsync("inspect", exported, "--json")).Json()["exported_expert"]!);
    }

    [Fact]
    public async Task An_expert_of_other_weights_is_not_exported()
    {
        string exported = files.File("refused-export.gguf");
        T2Process.AssertFailure(await T2Process.RunAsync("export", "-m", files.OtherModel, "-e", files.Wild, "-o", exported), 4, "wild");
        Assert.False(File.Exists(exported));
    }

    [Fact]
    public async Task A_folder_that_cannot_be_written_is_named()
    {
        string exported = files.File("no/such/folder/exported.gguf");
        T2Process.AssertFailure(await T2Process.RunAsync("export", "-m", files.Model, "-e", files.Wild, "-o", exported), 3, exported, "cannot be written");
    }
}
