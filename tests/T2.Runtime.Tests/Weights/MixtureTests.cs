using T2.Gguf;
using T2.Gguf.Experts;
using T2.Gguf.Quantization;
using T2.Kernels;
using T2.Llama;
using T2.Weights;

namespace T2.Runtime.Tests.Weights;

[Collection(ModelCollection.Name)]
public sealed class MixtureTests(ModelFixture models)
{
    [SkippableTheory]
    [InlineData("F32", LlamaLoadMode.Mmap, false)]
    [InlineData("F16", LlamaLoadMode.Mmap, false)]
    [InlineData("BF16", LlamaLoadMode.None, false)]
    [InlineData("Q8_0", LlamaLoadMode.None, false)]
    [InlineData("Q4_K_M", LlamaLoadMode.Mmap, false)]
    public async Task A_sum_of_deltas_is_as_exact_as_a_rebuild(string types, LlamaLoadMode mode, bool repack)
    {
        RequireNative();
        await using var model = await models.LoadAsync(new Loading(types, mode, repack));
        var a = TestModels.RandomExpert(model, "a", 1);
        var b = TestModels.RandomExpert(model, "b", 2);
        var mixture = Expert.Mix([(a, 0.7f), (b, -0.4f)], "mixture");
        await model.KeepDeltasAsync([a, b]);

        var report = await model.ApplyAsync(mixture);

        Assert.Equal(0, report.Rebuilt);
        Assert.Equal(mixture.Vectors.Count, report.Mixed);
        using var factors = FactorStore.TryOpen(FactorStore.DefaultPath(model.File.Path), model.Fingerprint)!;
        double mixed = 0, rebuilt = 0, norm = 0;
        foreach (var (name, z) in mixture.Vectors.Where(static vector => vector.Key.StartsWith("blk.0.", StringComparison.Ordinal)))
        {
            var tensor = model.Weights.Require(name);
            factors.TryGet(name, out var matrix);
            float[] exact = Rebuild(new ReferenceKernel(), tensor, matrix!, z, TensorType.F32);
            mixed += SquaredDistance(Live(model, name), exact);
            rebuilt += SquaredDistance(Rebuild(KernelRegistry.Resolve(), tensor, matrix!, z, tensor.Stored.Type), exact);
            norm += SquaredDistance(exact, new float[exact.Length]);
        }
        // F32 hides nothing: each delta comes with the rebuild's own 10⁻⁶.
        Assert.InRange(Math.Sqrt(mixed), 0, types == "F32" ? 1e-6 * Math.Sqrt(norm) : 1.1 * Math.Sqrt(rebuilt));
    }

    [SkippableTheory]
    [MemberData(nameof(TestModels.Loadings), MemberType = typeof(TestModels))]
    public async Task A_one_hot_mixture_is_the_expert_and_the_base_stays_exact(Loading loading)
    {
        RequireNative();
        await using var model = await models.LoadAsync(loading);
        float[] fresh = TestModels.Logits(model);
        // With z = −1 and below, 1 + (z − 1) need not be z.
        var a = TestModels.RandomExpert(model, "a", 1, spread: 3f);
        var b = TestModels.RandomExpert(model, "b", 2);
        await model.ApplyAsync(a);
        float[] expert = TestModels.Logits(model);
        await model.KeepDeltasAsync([a, b]);

        await model.ApplyAsync(Expert.Mix([(a, 0.5f), (b, 0.5f)], "half"));
        float[] half = TestModels.Logits(model);
        await model.ApplyAsync(Expert.Mix([(a, 1f), (b, 0f)], "onehot"));
        TestModels.AssertSameBits(expert, TestModels.Logits(model));
        await model.ResetAsync();
        TestModels.AssertPristine(model);
        TestModels.AssertSameBits(fresh, TestModels.Logits(model));

        // A mixture made twice is the same twice, whatever was there in between.
        await model.ApplyAsync(Expert.Mix([(a, 0.5f), (b, 0.5f)], "half again"));
        TestModels.AssertSameBits(half, TestModels.Logits(model));
    }

    [SkippableFact]
    public async Task Deltas_of_weights_that_only_one_expert_adapts_are_mixed_too()
    {
        RequireNative();
        await using var model = await models.LoadAsync(new Loading("F32", LlamaLoadMode.Mmap, false));
        var a = TestModels.RandomExpert(model, "a", 1, include: static weight => weight.Contains("attn", StringComparison.Ordinal));
        var b = TestModels.RandomExpert(model, "b", 2, include: static weight => weight.Contains("ffn", StringComparison.Ordinal));
        var mixture = Expert.Mix([(a, 0.25f), (b, 0.5f)], "mixture");
        await model.ApplyAsync(mixture);
        var rebuilt = mixture.Vectors.Keys.ToDictionary(static name => name, name => Live(model, name));
        await model.KeepDeltasAsync([a, b]);

        var report = await model.ApplyAsync(Expert.Mix([(a, 0.25f), (b, 0.5f)], "again"));

        Assert.Equal(mixture.Vectors.Count, report.Mixed);
        foreach (var (name, expected) in rebuilt)
            Assert.InRange(Math.Sqrt(SquaredDistance(Live(model, name), expected) / SquaredDistance(expected, new float[expected.Length])), 0, 1e-6);
    }

    [SkippableFact]
    public async Task Many_mixtures_take_the_memory_of_one_and_released_deltas_are_not_used()
    {
        RequireNative();
        await using var model = await models.LoadAsync(new Loading("Q8_0", LlamaLoadMode.Mmap, false));
        var a = TestModels.RandomExpert(model, "a", 1);
        var b = TestModels.RandomExpert(model, "b", 2);
        await model.KeepDeltasAsync([a, b]);
        long deltas = model.DeltaBytes;
        long one = 0;
        for (int step = 1; step <= 20; step++)
        {
            await model.ApplyAsync(Expert.Mix([(a, step / 20f), (b, 0.5f)], "mixture"));
            one = Math.Max(one, model.PreparedBytes);
        }
        Assert.Equal(one, model.PreparedBytes);
        Assert.Equal(deltas, model.DeltaBytes);

        await model.ReleaseDeltasAsync();
        Assert.Equal(0, model.DeltaBytes);
        var report = await model.ApplyAsync(Expert.Mix([(a, 0.3f), (b, 0.5f)], "rebuilt"));
        Assert.Equal(0, report.Mixed);
        Assert.Equal(report.Weights, report.Rebuilt);
    }

    [Fact]
    public async Task A_kernel_that_cannot_sum_deltas_says_so()
    {
        await using var model = await AdaptiveModel.LoadAsync(models.Model("F16"), new ModelOptions { Kernel = "reference" });
        var refused = await Assert.ThrowsAsync<NotSupportedException>(() => model.KeepDeltasAsync([TestModels.RandomExpert(model, "a", 1)]));
        Assert.Contains("reference", refused.Message, StringComparison.Ordinal);
        Assert.Equal(0, model.DeltaBytes);
    }

    private static void RequireNative() => Skip.IfNot(KernelRegistry.Resolve() is IMixtureKernel, "The native kernels are not built.");

    private static float[] Rebuild(IWeightKernel kernel, LiveTensor tensor, MatrixFactors matrix, ReadOnlyMemory<float> z, TensorType type)
    {
        var bytes = new byte[TensorTypes.Info(type).BytesFor(matrix.Shape.Columns) * matrix.Shape.Rows];
        kernel.Rebuild(
            new RebuildJob
            {
                Source = tensor.Pristine,
                SourceType = tensor.Stored.Type,
                Shape = matrix.Shape,
                Basis = matrix.Basis.Span,
                Z = z.Span,
                Destination = bytes,
                DestinationType = type,
            },
            threads: 1,
            CancellationToken.None);
        return Values(type, bytes, matrix.Shape.Length);
    }

    private static float[] Live(AdaptiveModel model, string name)
    {
        var tensor = model.Weights.Require(name);
        return Values(tensor.Stored.Type, tensor.Live, tensor.Stored.Dimensions[0] * tensor.Stored.Dimensions[1]);
    }

    private static float[] Values(TensorType type, ReadOnlySpan<byte> bytes, long count)
    {
        var values = new float[count];
        Quantizer.Dequantize(type, bytes, values);
        return values;
    }

    private static double SquaredDistance(float[] actual, float[] expected) => actual.Zip(expected, static (a, e) => ((double)a - e) * (a - e)).Sum();
}
