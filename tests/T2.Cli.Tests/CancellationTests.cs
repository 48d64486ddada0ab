using T2.TestKit;

namespace T2.Cli.Tests;

/// <summary>Ctrl-C and kill, at the moments that matter.</summary>
public class CancellationTests(CliFixture files) : IClassFixture<CliFixture>
{
    /// <summary>An answer that cannot end by itself.</summary>
    private string[] Endless => ["run", "-m", files.Model, "-t", "1", "-c", "100000", "-n", "-1", "--temp", "0", "--grammar", "root ::= [a-z] root"];

    [SkippableFact]
    public async Task Ctrl_C_ends_an_answer_with_130()
    {
        Skip.If(OperatingSystem.IsWindows(), "Unix signals.");
        using var t2 = new LiveT2([.. Endless, "hello"]);
        t2.Input.Close();
        await t2.FirstOutputAsync();
        await t2.SignalAsync("INT");
        var (code, output, errors) = await t2.EndAsync();
        Assert.Equal(130, code);
        Assert.Matches("^[a-z]+\n$", output);
        Assert.Equal(["t2: error: cancelled"], errors);
    }

    [SkippableFact]
    public async Task In_a_conversation_Ctrl_C_stops_the_answer_and_the_next_leaves()
    {
        Skip.If(OperatingSystem.IsWindows(), "Unix signals.");
        using var t2 = new LiveT2([.. Endless, "--interactive"]);
        await t2.Input.WriteLineAsync("hello");
        await t2.Input.FlushAsync();
        await t2.FirstOutputAsync();
        await t2.SignalAsync("INT");
        Assert.Equal("/help shows the commands.", await t2.ErrorLineAsync());
        Assert.Equal("(stopped)", await t2.ErrorLineAsync());
        // Still there, and listening.
        await t2.Input.WriteLineAsync("/timings");
        await t2.Input.FlushAsync();
        Assert.Equal("Nothing has been answered yet.", await t2.ErrorLineAsync());
        await t2.SignalAsync("INT");
        Assert.Equal(130, (await t2.EndAsync()).ExitCode);
    }

    [SkippableTheory]
    [InlineData("INT")]
    [InlineData("TERM")]
    [InlineData("KILL")]
    public async Task Factoring_goes_on_where_it_was_stopped(string signal)
    {
        Skip.If(OperatingSystem.IsWindows(), "Unix signals.");
        // Many small weights, so that whenever the signal comes some are done and some are not.
        string model = files.File($"many-{signal}.gguf");
        SyntheticModel.Write(model, SyntheticModelSpec.Tiny256 with { Layers = 24 });
        using (var t2 = new LiveT2("factor", "-m", model, "-t", "1", "--kernel", "reference"))
        {
            Assert.Equal("factoring 0/168 (0.0 %)", await t2.ErrorLineAsync());
            Assert.True(SpinWait.SpinUntil(() => new FileInfo(model + ".t2factors.partial") is { Exists: true, Length: > 2_000_000 }, TimeSpan.FromMinutes(1)));
            await t2.SignalAsync(signal);
            var (code, _, errors) = await t2.EndAsync();
            Assert.Equal(signal == "KILL" ? 137 : 130, code);
            if (signal != "KILL")
                Assert.Matches(@"^t2: error: cancelled; \d+ of 168 weights are factored and kept, run it again to go on$", errors[^1]);
            Assert.False(File.Exists(model + ".t2factors"));
            Assert.Equal("partial", (string)(await T2Process.SucceedAsync("inspect", model, "--json")).Json()["factors"]!["state"]!);
        }

        using (var t2 = new LiveT2("factor", "-m", model, "-t", "2", "--kernel", "reference"))
        {
            Assert.StartsWith("t2: continuing ", await t2.ErrorLineAsync(), StringComparison.Ordinal);
            string first = await t2.ErrorLineAsync();
            int stoppedAt = int.Parse(first.Split(' ', '/')[1], System.Globalization.CultureInfo.InvariantCulture);
            Assert.InRange(stoppedAt, 1, 167);
            Assert.Equal(0, (await t2.EndAsync()).ExitCode);
        }
        Assert.Equal("complete", (string)(await T2Process.SucceedAsync("inspect", model, "--json")).Json()["factors"]!["state"]!);
        Assert.False(File.Exists(model + ".t2factors.partial"));
    }

    [SkippableFact]
    public async Task A_cancelled_export_leaves_nothing_behind()
    {
        Skip.If(OperatingSystem.IsWindows(), "Unix signals.");
        string model = files.File("large.gguf");
        SyntheticModel.Write(model, SyntheticModelSpec.Tiny256 with { Layers = 24 });
        string expert = files.File("large-expert.gguf");
        await T2Process.SucceedAsync("expert", "create", "-m", model, "-o", expert, "--name", "large", "--formula", "1.1");
        string folder = Directory.CreateDirectory(files.File("cancelled")).FullName;
        using var t2 = new LiveT2("export", "-m", model, "-e", expert, "-o", Path.Combine(folder, "out.gguf"), "-t", "1", "--kernel", "reference");
        // Stopped while it makes the factors it needs.
        Assert.StartsWith("factoring 0/", await t2.ErrorLineAsync(), StringComparison.Ordinal);
        await t2.SignalAsync("INT");
        Assert.Equal(130, (await t2.EndAsync()).ExitCode);
        Assert.Empty(Directory.GetFileSystemEntries(folder));
    }
}
