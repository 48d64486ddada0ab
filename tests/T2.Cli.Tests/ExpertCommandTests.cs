using System.Text.Json.Nodes;

namespace T2.Cli.Tests;

public class ExpertCommandTests(CliFixture files) : IClassFixture<CliFixture>
{
    [Fact]
    public async Task A_formula_gives_each_value_of_each_weight()
    {
        var report = await CreateAsync("formula", "--formula", "1 + i/10 + layer/100 + r/1000", "--only", "*.ffn_*", "--describe", "about ramps", "--task", "testing");
        Assert.Equal("formula", (string)report["name"]!);
        Assert.Equal("about ramps", (string)report["description"]!);
        Assert.Equal("testing", (string)report["task"]!);
        Assert.Contains("1 + i/10", (string)report["training"]!, StringComparison.Ordinal);
        Assert.Equal(6, report["vectors"]!.AsArray().Count);
        foreach (var vector in report["vectors"]!.AsArray())
        {
            string weight = (string)vector!["weight"]!;
            int layer = weight[4] - '0';
            int rank = (int)vector["length"]!;
            Assert.Equal(1 + layer / 100.0 + rank / 1000.0, (double)vector["min"]!, 5);
            Assert.Equal(1 + (rank - 1) / 10.0 + layer / 100.0 + rank / 1000.0, (double)vector["max"]!, 4);
            Assert.Equal(1 + (rank - 1) / 20.0 + layer / 100.0 + rank / 1000.0, (double)vector["mean"]!, 4);
            Assert.Equal(Math.Sqrt((rank * rank - 1) / 12.0) / 10, (double)vector["deviation"]!, 3);
        }
    }

    [Fact]
    public async Task Sigma_is_the_models_own()
    {
        var report = await CreateAsync("sigma", "--formula", "sigma", "--only", "blk.0.ffn_up.weight");
        var spectra = (await T2Process.SucceedAsync("inspect", files.Model, "--spectra", "--json")).Json()["spectra"]!.AsArray();
        var spectrum = Assert.Single(spectra, static one => (string)one!["weight"]! == "blk.0.ffn_up.weight")!;
        var vector = Assert.Single(report["vectors"]!.AsArray())!;
        Assert.Equal((double)spectrum["largest"]!, (double)vector["max"]!, 4);
        Assert.Equal((double)spectrum["smallest"]!, (double)vector["min"]!, 4);
        Assert.Equal((double)spectrum["sum"]! / (int)spectrum["rank"]!, (double)vector["mean"]!, 4);
    }

    [Fact]
    public async Task Json_gives_numbers_by_name_and_pattern_and_the_later_entry_wins()
    {
        string json = files.File("z.json");
        string ramp = string.Join(',', Enumerable.Range(0, 256).Select(static i => i % 2 == 0 ? "0.5" : "1.5"));
        await File.WriteAllTextAsync(json, $$"""{"blk.*.ffn_up.weight": 1.25, "blk.1.ffn_up.weight": [{{ramp}}]}""");
        var report = await CreateAsync("numbers", "--json", json);
        var vectors = report["vectors"]!.AsArray();
        Assert.Equal(["blk.0.ffn_up.weight", "blk.1.ffn_up.weight"], vectors.Select(static vector => (string)vector!["weight"]!));
        Assert.Equal((1.25, 1.25), ((double)vectors[0]!["min"]!, (double)vectors[0]!["max"]!));
        Assert.Equal((0.5, 1.0, 1.5), ((double)vectors[1]!["min"]!, (double)vectors[1]!["mean"]!, (double)vectors[1]!["max"]!));
    }

    [Fact]
    public async Task Formulas_that_leave_the_numbers_or_match_nothing_are_refused()
    {
        foreach (var (formula, only, code, fragment) in new[]
        {
            ("log(i)", "*", 2, "i = 0"),
            ("0", "*", 2, "all zeros"),
            ("1e6", "*", 2, "1000000"),
            ("1", "nothing.*", 4, "'nothing.*'"),
        })
        {
            var result = await T2Process.RunAsync(
                "expert", "create", "-m", files.Model, "-o", files.File("refused.gguf"), "--name", "refused", "--formula", formula, "--only", only);
            T2Process.AssertFailure(result, code, fragment);
        }
        Assert.False(File.Exists(files.File("refused.gguf")));
    }

    [Fact]
    public async Task Mixing_is_on_z()
    {
        string mixed = files.File("mixed.gguf");
        await T2Process.SucceedAsync("expert", "mix", files.Wild + "=0.25", files.Ones + "=0.75", "-o", mixed, "--name", "mixed");
        var wild = (await ShowAsync(files.Wild))["vectors"]!.AsArray();
        var part = (await ShowAsync(mixed))["vectors"]!.AsArray();
        Assert.Equal(wild.Count, part.Count);
        for (int index = 0; index < wild.Count; index++)
            Assert.Equal(1 + 0.25 * ((double)wild[index]!["max"]! - 1), (double)part[index]!["max"]!, 5);
    }

    [Fact]
    public async Task Experts_of_different_bases_do_not_mix()
    {
        string other = files.File("other-expert.gguf");
        await T2Process.SucceedAsync("expert", "create", "-m", files.OtherModel, "-o", other, "--name", "other-expert", "--formula", "1.1");
        T2Process.AssertFailure(
            await T2Process.RunAsync("expert", "mix", files.Wild + "=0.5", other + "=0.5", "-o", files.File("x.gguf"), "--name", "x"), 4, "wild", "other-expert");
    }

    [Fact]
    public async Task Verify_says_ok_or_what_does_not_fit()
    {
        var fits = await T2Process.SucceedAsync("expert", "verify", files.Wild, files.Tail, "-m", files.Model);
        Assert.Equal(2, fits.StandardOutput.Split('\n').Count(static line => line.StartsWith("OK: ", StringComparison.Ordinal)));
        T2Process.AssertFailure(await T2Process.RunAsync("expert", "verify", files.Wild, "-m", files.OtherModel), 4, "wild");
        await T2Process.SucceedAsync("expert", "verify", files.Wild, "-m", files.OtherModel, "--allow-other-base");
    }

    [Fact]
    public async Task Show_prints_what_inspect_prints()
    {
        var shown = await T2Process.SucceedAsync("expert", "show", files.Wild);
        Assert.Contains("questions about wild animals", shown.StandardOutput, StringComparison.Ordinal);
        Assert.Contains("blk.1.attn_output.weight", shown.StandardOutput, StringComparison.Ordinal);
        Assert.Equal(shown.StandardOutput, (await T2Process.SucceedAsync("inspect", files.Wild)).StandardOutput);
    }

    private async Task<JsonObject> CreateAsync(string name, params string[] how)
    {
        string path = files.File(name + ".gguf");
        await T2Process.SucceedAsync(["expert", "create", "-m", files.Model, "-o", path, "--name", name, .. how]);
        return await ShowAsync(path);
    }

    private static async Task<JsonObject> ShowAsync(string path) => (await T2Process.SucceedAsync("expert", "show", path, "--json")).Json();
}
