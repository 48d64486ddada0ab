namespace T2.Cli.Tests;

public class PlanTests(CliFixture files) : IClassFixture<CliFixture>
{
    [Fact]
    public async Task Where_there_is_room_everything_stays_on_the_device()
    {
        var plan = (await T2Process.SucceedAsync("plan", "-m", files.Model, "--vram", "8GiB", "--json")).Json();
        Assert.True(plan["fits"]!.GetValue<bool>());
        Assert.Equal(8L << 30, plan["vram_bytes"]!.GetValue<long>());
        Assert.Equal(plan["weights"]!.AsArray().Count, plan["resident"]!.GetValue<int>());
        Assert.Equal(plan["resident_bytes"]!.GetValue<long>(), plan["weights"]!.AsArray().Sum(static weight => weight!["factor_bytes"]!.GetValue<long>()));
    }

    [Fact]
    public async Task Where_there_is_less_factors_are_streamed_or_rebuilt_on_the_CPU()
    {
        var streamed = (await T2Process.SucceedAsync("plan", "-m", files.Model, "--vram", "8GiB", "--best", "streamed", "--json")).Json();
        Assert.Equal(streamed["weights"]!.AsArray().Count, streamed["streamed"]!.GetValue<int>());
        Assert.Equal("streamed", streamed["weights"]![0]!["factors"]!.GetValue<string>());

        var none = (await T2Process.SucceedAsync("plan", "-m", files.Model, "--vram", "8GiB", "--best", "streamed", "--pinned", "0", "--json")).Json();
        Assert.Equal(none["weights"]!.AsArray().Count, none["cpu"]!.GetValue<int>());

        var tight = (await T2Process.SucceedAsync("plan", "-m", files.Model, "--vram", "1KiB", "--json")).Json();
        Assert.False(tight["fits"]!.GetValue<bool>());
        Assert.Contains("no room", tight["weights"]![0]!["reason"]!.GetValue<string>(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_text_says_how_the_memory_is_shared()
    {
        string text = (await T2Process.SucceedAsync("plan", "-m", files.Model, "--vram", "2.5 GiB")).StandardOutput;
        Assert.Contains("of 2.50 GiB: model", text, StringComparison.Ordinal);
        Assert.Contains("| ffn_down | 2 |", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("lots", "--vram takes a size such as 8GiB")]
    [InlineData("-8GiB", "--vram")]
    [InlineData("1e300", "--vram takes")]
    [InlineData("NaN", "--vram takes")]
    [InlineData("9999999TiB", "--vram takes")]
    [InlineData("0", "no GPU to plan for")]
    public async Task A_size_that_makes_no_sense_is_refused(string size, string fragment) =>
        T2Process.AssertFailure(await T2Process.RunAsync("plan", "-m", files.Model, $"--vram={size}"), 2, fragment);

    [Fact]
    public async Task What_is_missing_or_wrong_is_named()
    {
        T2Process.AssertFailure(await T2Process.RunAsync("plan", "-m", files.Model), 2, "--vram is missing");
        T2Process.AssertFailure(await T2Process.RunAsync("plan", "-m", files.Model, "--vram", "8G", "--best", "none"), 2, "'none'");
        T2Process.AssertFailure(await T2Process.RunAsync("plan", "-m", files.Wild, "--vram", "8G"), 3, files.Wild);
    }
}
