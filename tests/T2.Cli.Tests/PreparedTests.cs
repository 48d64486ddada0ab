using T2.TestKit;

namespace T2.Cli.Tests;

/// <summary>The options that say in which type, in how much memory and in which files rebuilt experts are kept.</summary>
public class PreparedTests(CliFixture files) : IClassFixture<CliFixture>
{
    private const string Prompt = "Tell me about the sea";

    [Theory]
    [InlineData("f16", "1024", 14)]
    [InlineData("f32", "1024", 14)]
    [InlineData("q8_0", "1024", 0)]
    [InlineData("f32", "0", 0)]
    public async Task Adapted_weights_are_of_the_type_asked_for_where_it_is_finer_and_fits(string precision, string megabytes, int raised)
    {
        string model = files.File("prepared-q8_0.gguf");
        if (!File.Exists(model))
            SyntheticModel.Write(model, SyntheticModelSpec.Tiny256.WithType("q8_0"));
        string[] wild = ["-e", files.Wild, "--allow-other-base"];
        var run = await T2Process.SucceedAsync(CliFixture.Run(model, [Prompt, .. wild, "--precision", precision, "--prepared", megabytes, "--verbose"]));
        Assert.Contains($", {raised} of them in a finer type than the base's", run.StandardError, StringComparison.Ordinal);
        if (raised == 0)
            Assert.Equal(await files.AnswerAsync(model, [Prompt, .. wild]), run.StandardOutput);
        Assert.Equal(megabytes == "0", run.StandardError.Contains("more than rebuilt experts may keep", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("--precision", "q5_0", "'q5_0' is no --precision")]
    [InlineData("--prepared", "-1", "--prepared")]
    [InlineData("--prepared", "much", "--prepared")]
    public async Task Values_that_make_no_sense_are_named(string option, string value, string named) =>
        T2Process.AssertFailure(await T2Process.RunAsync(CliFixture.Run(files.Model, Prompt, "-e", files.Wild, option, value)), 2, named);

    [Fact]
    public async Task A_rebuilt_expert_is_written_once_loaded_from_then_on_and_written_anew_where_it_is_damaged()
    {
        string folder = files.File("prepared");
        string answer = await files.AnswerAsync(files.Model, Prompt, "-e", files.Wild);
        await RunAsync("'wild' rebuilt: ");
        string path = Assert.Single(Directory.GetFiles(folder));
        byte[] written = await File.ReadAllBytesAsync(path);
        await RunAsync("'wild' loaded: ");
        Assert.Equal(written, await File.ReadAllBytesAsync(path));

        await File.WriteAllBytesAsync(path, written[..(written.Length / 2)]);
        await RunAsync("could not be used and is written anew");
        // Without --verbose too.
        await File.WriteAllBytesAsync(path, written[..(written.Length / 2)]);
        var quick = await T2Process.SucceedAsync(CliFixture.Run(files.Model, Prompt, "-e", files.Wild, "--prepared-files", folder));
        Assert.Contains("could not be used and is written anew", quick.StandardError, StringComparison.Ordinal);
        Assert.Equal(written, await File.ReadAllBytesAsync(path));

        async Task RunAsync(string stage)
        {
            var run = await T2Process.SucceedAsync(CliFixture.Run(files.Model, Prompt, "-e", files.Wild, "--prepared-files", folder, "--verbose"));
            Assert.Equal(answer, run.StandardOutput);
            Assert.Contains(stage, run.StandardError, StringComparison.Ordinal);
        }
    }
}
