namespace T2.Cli.Tests;

public class KernelsTests
{
    [Fact]
    public async Task The_environment_and_before_it_the_option_choose_the_kernel()
    {
        var chosen = await T2Process.RunWithVariableAsync("T2_KERNEL", "Reference", "kernels", "--json");
        Assert.Equal("reference", Used(chosen));
        chosen = await T2Process.RunWithVariableAsync("T2_KERNEL", "abacus", "kernels", "--json", "--kernel", "reference");
        Assert.Equal("reference", Used(chosen));
        T2Process.AssertFailure(await T2Process.RunWithVariableAsync("T2_KERNEL", "abacus", "kernels"), 2, "'abacus' (from T2_KERNEL)", "reference");
    }

    [Fact]
    public async Task A_library_that_is_named_and_cannot_be_used_is_not_passed_over_in_silence()
    {
        const string Variable = "T2_KERNELS_LIBRARY", Absent = "no-such-library.so";
        T2Process.AssertFailure(await T2Process.RunWithVariableAsync(Variable, Absent, "kernels"), 2, $"{Absent}: no such file", Variable);
        T2Process.AssertFailure(await T2Process.RunWithVariableAsync(Variable, Absent, "kernels", "--kernel", "native"), 2, "'native' cannot run", $"{Absent}: no such file");
        Assert.Equal("reference", Used(await T2Process.RunWithVariableAsync(Variable, Absent, "kernels", "--json", "--kernel", "reference")));
    }

    private static string Used(T2.TestKit.TestProcessResult result) =>
        (string)result.Json()["kernels"]!.AsArray().Single(static kernel => (bool)kernel!["used"]!)!["name"]!;
}
