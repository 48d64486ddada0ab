using T2.TestKit;

namespace T2.Llama.Tests.TestKit;

public sealed class TestProcessTests
{
    [Fact]
    public async Task Both_streams_and_the_exit_code_come_back()
    {
        var result = await TestProcess.RunAsync("sh", ["-c", "echo out; echo err >&2; exit 3"]);

        Assert.Equal(new TestProcessResult(3, "out\n", "err\n"), result);
    }

    [Fact]
    public async Task Standard_input_arrives_as_utf8_and_ends()
    {
        var result = await TestProcess.RunAsync("cat", [], standardInput: "zwölf 語\n");

        Assert.Equal("zwölf 語\n", result.StandardOutput);
    }

    [Fact]
    public async Task A_program_that_does_not_read_its_input_is_no_error()
    {
        var result = await TestProcess.RunAsync("true", [], standardInput: new string('x', 1 << 20));

        Assert.Equal(0, result.ExitCode);
    }

    [Fact]
    public async Task Arguments_are_not_interpreted_and_the_environment_is_set()
    {
        var result = await TestProcess.RunAsync(
            "sh",
            ["-c", "printf '%s|%s' \"$1\" \"$T2_TEST_VALUE\"", "sh", "a b \"$HOME\""],
            environment: new Dictionary<string, string?> { ["T2_TEST_VALUE"] = "set" });

        Assert.Equal("a b \"$HOME\"|set", result.StandardOutput);
    }

    [Fact]
    public async Task An_abort_shows_in_the_exit_code()
    {
        var result = await TestProcess.RunAsync("sh", ["-c", "kill -ABRT $$"]);

        Assert.Equal(134, result.ExitCode);
    }

    [Fact]
    public async Task A_program_that_hangs_is_killed_and_what_it_wrote_is_told()
    {
        var exception = await Assert.ThrowsAsync<TimeoutException>(
            () => TestProcess.RunAsync("sh", ["-c", "echo before; sleep 60"], timeout: TimeSpan.FromSeconds(0.5)));

        Assert.Contains("before", exception.Message, StringComparison.Ordinal);
    }
}
