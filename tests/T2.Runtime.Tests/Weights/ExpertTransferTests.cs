using T2.Gguf.Experts;
using T2.Kernels;
using T2.Llama;

namespace T2.Runtime.Tests.Weights;

[Collection(ModelCollection.Name)]
public sealed class ExpertTransferTests(ModelFixture models)
{
    [Fact]
    public async Task A_model_of_the_same_shapes_takes_the_vectors_bit_for_bit()
    {
        await using var source = await models.LoadAsync(new Loading("F16", LlamaLoadMode.Mmap, false));
        await using var target = await models.LoadAsync(new Loading("Q8_0", LlamaLoadMode.Mmap, false));
        var expert = TestModels.RandomExpert(source, "math", 1);
        Assert.NotEqual(source.Fingerprint, target.Fingerprint);
        await Assert.ThrowsAsync<ExpertMismatchException>(() => target.ApplyAsync(expert));

        var (moved, resampled) = ExpertTransfer.Apply(expert, target.File, target.Fingerprint);
        Assert.Equal(0, resampled);
        Assert.Equal(target.Fingerprint, moved.BaseFingerprint);
        Assert.Contains(source.Fingerprint, moved.Extra[ExpertTransfer.SourceKey], StringComparison.Ordinal);
        foreach (var (weight, z) in expert.Vectors)
            TestModels.AssertSameBits(z.Span, moved.Vectors[weight].Span);
        await target.ApplyAsync(moved);

        var (shuffled, _) = ExpertTransfer.Apply(expert, target.File, target.Fingerprint, shuffleSeed: 1);
        foreach (var (weight, z) in expert.Vectors)
        {
            Assert.NotEqual(z.ToArray(), shuffled.Vectors[weight].ToArray());
            Assert.Equal(z.ToArray().Order(), shuffled.Vectors[weight].ToArray().Order());
        }
    }

    [Fact]
    public async Task Other_lengths_are_refused_or_resampled()
    {
        await using var target = await models.LoadAsync(new Loading("F16", LlamaLoadMode.Mmap, false));
        var tensor = BlockWeights.List(target.File)[0];
        Expert Make(string weight, params float[] z) => new("short", "qwen2", "sha256:other", [new(weight, z)]);

        string message = Assert.Throws<ExpertMismatchException>(() => ExpertTransfer.Apply(Make(tensor.Name, 1, 2, 3), target.File, target.Fingerprint)).Message;
        Assert.Contains(tensor.Name, message, StringComparison.Ordinal);
        Assert.Contains("--force", message, StringComparison.Ordinal);
        Assert.Throws<ExpertMismatchException>(() => ExpertTransfer.Apply(Make("blk.9.ffn_up.weight", 1, 2), target.File, target.Fingerprint, resample: true));

        var (moved, resampled) = ExpertTransfer.Apply(Make(tensor.Name, 1, 2, 4), target.File, target.Fingerprint, resample: true);
        Assert.Equal(1, resampled);
        Assert.Equal("llama", moved.Architecture);
        Assert.Equal(BlockWeights.ShapeOf(tensor).Rank, moved.Vectors[tensor.Name].Length);
        await target.ApplyAsync(moved);
    }

    [Fact]
    public void Resampling_reads_between_neighbours_and_keeps_both_ends()
    {
        Assert.Equal([1, 1.5f, 2, 3, 4], ExpertTransfer.Resample([1, 2, 4], 5));
        Assert.Equal([1, 4], ExpertTransfer.Resample([1, 2, 4], 2));
        Assert.Equal([1], ExpertTransfer.Resample([1, 2, 4], 1));
        Assert.Equal([7, 7, 7], ExpertTransfer.Resample([7], 3));
    }
}
