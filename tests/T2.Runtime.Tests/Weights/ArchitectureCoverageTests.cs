using T2.Gguf;
using T2.Kernels;
using T2.Llama;
using T2.TestKit;
using T2.Weights;

namespace T2.Runtime.Tests.Weights;

/// <summary>Models whose weights are fused, tied, biased, or of a kind that cannot be adapted.</summary>
[Collection(ModelCollection.Name)]
public sealed class ArchitectureCoverageTests(ModelFixture models)
{
    public static TheoryData<string> Presets => [SyntheticModelSpec.TinyFusedQkv.Name, SyntheticModelSpec.TinyQwen2.Name, SyntheticModelSpec.Tiny256Untied.Name];

    [Theory]
    [MemberData(nameof(Presets))]
    public async Task Every_block_weight_of_an_architecture_is_found_rebuilt_and_restored(string preset)
    {
        string path = models.Model(SyntheticModelSpec.Presets.Values.Single(spec => spec.Name == preset), "F16");
        await using var model = await AdaptiveModel.LoadAsync(path, new ModelOptions { AdaptationThreads = 2 });
        float[] fresh = TestModels.Logits(model);
        var expert = TestModels.RandomExpert(model, "math", 1);
        Assert.NotEmpty(expert.Vectors);

        var report = await model.ApplyAsync(expert);
        Assert.Equal(expert.Vectors.Count, report.Weights);
        float[] adapted = TestModels.Logits(model);
        Assert.NotEqual(fresh, adapted);
        // Each weight by itself changes what the model computes: none is a bystander that was written in vain.
        foreach (var (name, z) in expert.Vectors)
        {
            await model.ApplyAsync(TestModels.MakeExpert(model, name, [new(name, z)]));
            Assert.NotEqual(fresh, TestModels.Logits(model));
        }
        await model.ResetAsync();
        TestModels.AssertPristine(model);
        TestModels.AssertSameBits(fresh, TestModels.Logits(model));
    }

    [Fact]
    public async Task A_fused_model_adapts_its_fused_weights()
    {
        await using var model = await AdaptiveModel.LoadAsync(models.Model(SyntheticModelSpec.TinyFusedQkv, "F16"));
        Assert.Contains("blk.0.attn_qkv.weight", BlockWeights.List(model.File).Select(static tensor => tensor.Name));
        Assert.True(model.Weights.Tensors.ContainsKey("blk.0.attn_qkv.weight"));
    }

    [Fact]
    public async Task An_output_tied_to_the_embedding_is_known_and_not_adapted()
    {
        await using var model = await AdaptiveModel.LoadAsync(models.Model("Q4_0"), new ModelOptions { Repack = true });
        Assert.False(model.File.TryGetTensor("output.weight", out _));
        Assert.DoesNotContain("token_embd.weight", BlockWeights.List(model.File).Select(static tensor => tensor.Name));
        if (model.Weights.Refusals.TryGetValue("token_embd.weight", out string? reason))
            Assert.Contains("tied", reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Experts_of_three_dimensions_and_types_that_need_an_importance_matrix_are_refused_by_name()
    {
        await using var model = await AdaptiveModel.LoadAsync(models.Model("F16"));
        string path = models.File("unadaptable.gguf");
        var writer = new GgufWriter();
        writer.SetMetadata("general.architecture", model.File.Architecture!);
        writer.AddTensor("blk.0.ffn_up_exps.weight", TensorType.F32, [4, 4, 2], new byte[128]);
        writer.AddTensor("blk.0.ffn_up.weight", TensorType.IQ4_XS, [256, 2], new byte[272]);
        writer.WriteTo(path);
        using var file = GgufFile.Open(path);
        foreach (var (weight, says) in new[] { ("blk.0.ffn_up_exps.weight", "3 dimensions"), ("blk.0.ffn_up.weight", "IQ4_XS") })
        {
            var expert = TestModels.MakeExpert(model, "math", [new(weight, new float[] { 1, 2 })]);
            var refused = Assert.Throws<ExpertMismatchException>(() => ExpertFit.Verify(expert, file, model.Fingerprint, allowOtherBase: false));
            Assert.Contains(weight, refused.Message, StringComparison.Ordinal);
            Assert.Contains(says, refused.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_file_that_is_not_the_loaded_model_is_noticed()
    {
        using var other = GgufFile.Open(models.Model(SyntheticModelSpec.Tiny256 with { Name = "tiny-other", Seed = 99 }, "F16"));
        await using var model = await AdaptiveModel.LoadAsync(models.Model("F16"));
        var library = LlamaLibrary.Load();
        var weights = LiveWeights.Discover(other, new LlamaWeightProbe(model.Native), GgmlExports.FromLibraries(library.GgmlBaseHandle, library.LlamaHandle));
        var refused = Assert.Throws<WeightAccessException>(() => weights.Require("blk.0.attn_q.weight"));
        Assert.Contains("does not hold the file's bytes", refused.Message, StringComparison.Ordinal);
    }
}
