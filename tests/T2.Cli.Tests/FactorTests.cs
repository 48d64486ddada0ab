using T2.TestKit;

namespace T2.Cli.Tests;

public class FactorTests(CliFixture files) : IClassFixture<CliFixture>
{
    [Fact]
    public async Task Memory_that_holds_no_weight_is_refused_by_the_weights_name_and_enough_of_it_factors()
    {
        string model = files.File("bounded.gguf"), sidecar = model + ".t2factors";
        SyntheticModel.Write(model, SyntheticModelSpec.Tiny256);
        string[] factor = ["factor", "-m", model, "-t", "2", "--memory"];
        T2Process.AssertFailure(await T2Process.RunAsync([.. factor, "1KiB"]), 2, "Factorising blk.");
        T2Process.AssertFailure(await T2Process.RunAsync([.. factor, "a lot"]), 2, "--memory takes a size");
        Assert.False(File.Exists(sidecar));

        await T2Process.SucceedAsync([.. factor, "1GiB", "--quiet"]);
        Assert.Equal(new FileInfo(files.Model + ".t2factors").Length, new FileInfo(sidecar).Length);
    }
}
