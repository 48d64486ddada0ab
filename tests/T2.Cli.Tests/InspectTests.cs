using T2.TestKit;

namespace T2.Cli.Tests;

public class InspectTests(CliFixture files) : IClassFixture<CliFixture>
{
    private static readonly string[] Fixtures = [RepositoryRoot.Path, "tests", "T2.Gguf.Tests", "Fixtures"];

    [Fact]
    public async Task A_factored_model_shows_sizes_weights_and_spectra()
    {
        var report = (await T2Process.SucceedAsync("inspect", files.Model, "--json")).Json();
        Assert.Equal("model", (string)report["kind"]!);
        Assert.Equal("llama", (string)report["architecture"]!);
        Assert.StartsWith("xxh128:", (string)report["fingerprint"]!, StringComparison.Ordinal);
        Assert.Equal((2, 256, 512), ((int)report["dimensions"]!["layers"]!, (int)report["dimensions"]!["embedding"]!, (int)report["dimensions"]!["feed_forward"]!));
        Assert.Equal(14, (int)report["adaptable"]!["weights"]!);
        var factors = report["factors"]!;
        Assert.Equal("complete", (string)factors["state"]!);
        Assert.Equal(new FileInfo(files.Model + ".t2factors").Length, (long)factors["bytes"]!);
        // q and output 256², k and v 128×256, three of 512×256; r(m + 1 + n) values each.
        Assert.Equal(4L * 2 * (2 * 256 * 513 + 2 * 128 * 385 + 3 * 256 * 769), (long)factors["full_svd_bytes"]!);
        Assert.Equal(7, report["spectra"]!.AsArray().Count);
        Assert.All(report["spectra"]!.AsArray(), static spectrum =>
        {
            Assert.True((double)spectrum!["largest"]! > (double)spectrum["smallest"]!);
            Assert.InRange((double)spectrum["effective_rank"]!, 1, (int)spectrum["rank"]!);
            Assert.Equal(1, (double)spectrum["top256_share"]!, 9);
        });
        Assert.Null(report["tensors"]);
    }

    [Fact]
    public async Task Tensors_are_listed_with_what_they_are_to_t2()
    {
        var report = (await T2Process.SucceedAsync("inspect", files.Model, "--factors", files.File("nowhere.t2factors"), "--tensors", "--json")).Json();
        Assert.Equal("absent", (string)report["factors"]!["state"]!);
        var tensors = report["tensors"]!.AsArray().ToDictionary(static tensor => (string)tensor!["name"]!, static tensor => tensor!);
        Assert.True((bool)tensors["blk.0.attn_k.weight"]["adaptable"]!);
        Assert.Equal([256L, 128L], tensors["blk.0.attn_k.weight"]["dimensions"]!.AsArray().Select(static size => (long)size!));
        Assert.False((bool)tensors["token_embd.weight"]["adaptable"]!);
        Assert.Equal("embedding", (string)tensors["token_embd.weight"]["role"]!);
    }

    [Fact]
    public async Task The_text_says_what_the_json_says()
    {
        var text = await T2Process.SucceedAsync("inspect", files.Model, "--tensors", "--spectra");
        foreach (string fragment in new[] { "xxh128:", "14 weights", "complete", "effective rank", "blk.1.ffn_down.weight", "no: embedding" })
            Assert.Contains(fragment, text.StandardOutput, StringComparison.Ordinal);
        Assert.DoesNotContain('\e', text.StandardOutput);
        Assert.Equal("", text.StandardError);
    }

    [Fact]
    public async Task A_damaged_sidecar_is_reported_and_the_model_all_the_same()
    {
        string sidecar = files.File("damaged.t2factors");
        byte[] bytes = await File.ReadAllBytesAsync(files.Model + ".t2factors");
        await File.WriteAllBytesAsync(sidecar, bytes[..(bytes.Length / 2)]);
        var factors = (await T2Process.SucceedAsync("inspect", files.Model, "--factors", sidecar, "--json")).Json()["factors"]!;
        Assert.Equal("unusable", (string)factors["state"]!);
        Assert.Contains(sidecar, (string)factors["problem"]!, StringComparison.Ordinal);
        // Whoever needs the factors is told, instead of given a silent recomputation.
        T2Process.AssertFailure(await T2Process.RunAsync(CliFixture.Run(files.Model, "hello", "-e", files.Wild, "--factors", sidecar)), 3, sidecar);
    }

    [Fact]
    public async Task A_checkpoint_shows_its_raw_logits()
    {
        string checkpoint = Path.Combine([.. Fixtures, "learnable_params.pt"]);
        var report = (await T2Process.SucceedAsync("inspect", checkpoint, "--json")).Json();
        Assert.Equal("checkpoint", (string)report["kind"]!);
        Assert.Equal(6, report["tensors"]!.AsArray().Count);
        Assert.All(report["tensors"]!.AsArray(), static tensor => Assert.Equal("BF16", (string)tensor!["type"]!));
        T2Process.AssertFailure(await T2Process.RunAsync("inspect", Path.Combine([.. Fixtures, "module.pt"])), 3, "module.pt");
    }
}
