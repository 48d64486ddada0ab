using T2.Gguf;
using T2.Gguf.Experts;
using T2.Gguf.Quantization;
using T2.Kernels;
using T2.Llama;

namespace T2.Runtime.Tests.Weights;

[Collection(ModelCollection.Name)]
public sealed class PrecisionTests(ModelFixture models)
{
    public static TheoryData<Loading, AdaptedPrecision> Raised => new()
    {
        { new Loading("Q4_K_M", LlamaLoadMode.Mmap, false), AdaptedPrecision.Q8 },
        { new Loading("Q4_K_M", LlamaLoadMode.Mmap, true), AdaptedPrecision.Half },
        { new Loading("Q4_0", LlamaLoadMode.None, true), AdaptedPrecision.Half },
        { new Loading("Q8_0", LlamaLoadMode.Mmap, false), AdaptedPrecision.Half },
        { new Loading("Q8_0", LlamaLoadMode.None, false), AdaptedPrecision.Single },
    };

    [Theory]
    [MemberData(nameof(Raised))]
    public async Task Raised_weights_compute_as_in_a_model_that_has_those_types(Loading loading, AdaptedPrecision precision)
    {
        await using var model = await LoadAsync(loading, precision);
        float[] fresh = TestModels.Logits(model);
        var report = await model.ApplyAsync(TestModels.RandomExpert(model, "math", 3));
        Assert.True(report.Raised > 0);
        float[] adapted = TestModels.Logits(model);

        string file = models.File($"raised-{Guid.NewGuid():N}.gguf");
        Write(model, file);
        TestModels.AssertSameBits(await TestModels.LogitsInFreshProcessAsync(file, loading), adapted);
        File.Delete(file);

        await model.ResetAsync();
        TestModels.AssertPristine(model);
        TestModels.AssertSameBits(fresh, TestModels.Logits(model));
    }

    [Theory]
    [MemberData(nameof(Raised))]
    public async Task Types_may_change_between_the_decodes_of_one_context(Loading loading, AdaptedPrecision precision)
    {
        await using var model = await LoadAsync(loading, precision);
        // Different weights are raised by each, so that every switch changes the types of some and not of others.
        Expert[] experts =
        [
            TestModels.RandomExpert(model, "attention", 1, include: static weight => weight.Contains("attn", StringComparison.Ordinal)),
            TestModels.RandomExpert(model, "feed-forward", 2, include: static weight => weight.Contains("ffn", StringComparison.Ordinal)),
        ];
        var expected = new Dictionary<int, float[]>();
        using var context = TestModels.NewContext(model);
        var random = new Random(5);
        for (int round = 0; round < 60; round++)
        {
            int choice = random.Next(3);
            if (choice == 2)
                await model.ResetAsync();
            else
                await model.ApplyAsync(experts[choice]);
            context.Begin();
            // A batch, then single tokens: llama.cpp runs the same graph again for those.
            context.Prefill(TestModels.Prompt, 0, CancellationToken.None);
            for (int step = 0; step < 3; step++)
                context.Step(10 + step, TestModels.Prompt.Length + step);
            float[] logits = context.Logits(0).ToArray();
            if (expected.TryAdd(choice, logits))
                continue;
            TestModels.AssertSameBits(expected[choice], logits);
        }
        Assert.Equal(3, expected.Count);
    }

    [Fact]
    public async Task An_expert_too_large_for_the_budget_when_raised_lives_in_the_types_of_the_base()
    {
        var loading = new Loading("Q4_0", LlamaLoadMode.Mmap, false);
        await using var model = await AdaptiveModel.LoadAsync(models.Model(loading.Types), loading.Options with { Precision = AdaptedPrecision.Half, PreparedBytes = 1000 });
        var report = await model.ApplyAsync(TestModels.RandomExpert(model, "math", 3));
        Assert.Equal(0, report.Raised);
        Assert.Contains("of precision 'Half' they take", report.Note, StringComparison.Ordinal);
        Assert.All(model.Weights.Tensors.Values, static tensor => Assert.Equal(tensor.Stored.Type, tensor.LiveType));
    }

    [Fact]
    public async Task Weights_as_precise_as_asked_for_keep_their_type()
    {
        await using var model = await LoadAsync(new Loading("F16", LlamaLoadMode.Mmap, false), AdaptedPrecision.Q8);
        var report = await model.ApplyAsync(TestModels.RandomExpert(model, "math", 3));
        Assert.Equal(0, report.Raised);
    }

    [Fact]
    public async Task A_finer_type_keeps_a_small_change_that_the_type_of_the_base_swallows()
    {
        var errors = new Dictionary<AdaptedPrecision, double>();
        foreach (var precision in new[] { AdaptedPrecision.Base, AdaptedPrecision.Q8, AdaptedPrecision.Half })
        {
            await using var model = await LoadAsync(new Loading("Q4_0", LlamaLoadMode.Mmap, false), precision);
            var expert = TestModels.RandomExpert(model, "small", 3, spread: 0.05f, include: static weight => weight == "blk.0.attn_q.weight");
            await model.ApplyAsync(expert);
            var tensor = model.Weights.Require("blk.0.attn_q.weight");
            using var factors = FactorStore.TryOpen(FactorStore.DefaultPath(model.File.Path), model.Fingerprint)!;
            factors.TryGet(tensor.Name, out var matrix);
            var bytes = new byte[matrix!.Shape.Length * sizeof(float)];
            new ReferenceKernel().Rebuild(
                new RebuildJob
                {
                    Source = tensor.Pristine,
                    SourceType = tensor.Stored.Type,
                    Shape = matrix.Shape,
                    Basis = matrix.Basis.Span,
                    Z = expert.Vectors[tensor.Name].Span,
                    Destination = bytes,
                    DestinationType = TensorType.F32,
                },
                threads: 1,
                CancellationToken.None);
            float[] exact = Values(TensorType.F32, bytes, matrix.Shape), own = Values(tensor.Stored.Type, tensor.Pristine, matrix.Shape);
            errors.Add(precision, Distance(Values(tensor.LiveType, tensor.Live, matrix.Shape), exact) / Distance(exact, own));
        }
        Assert.InRange(errors[AdaptedPrecision.Base], 0.5, double.MaxValue);
        Assert.InRange(errors[AdaptedPrecision.Q8], 0, 0.25);
        Assert.InRange(errors[AdaptedPrecision.Half], 0, 0.02);
    }

    private Task<AdaptiveModel> LoadAsync(Loading loading, AdaptedPrecision precision) =>
        AdaptiveModel.LoadAsync(models.Model(loading.Types), loading.Options with { Precision = precision });

    /// <summary>The model with each weight in the type and with the bytes it computes with now.</summary>
    private static void Write(AdaptiveModel model, string path)
    {
        var writer = new GgufWriter(model.File.Alignment);
        writer.CopyMetadata(model.File.Metadata);
        foreach (var tensor in model.File.Tensors)
        {
            var live = model.Weights.Tensors.GetValueOrDefault(tensor.Name);
            bool isRaised = live is not null && live.LiveType != tensor.Type;
            // The others are the base's, or rebuilt in their own type and, where repacked, not to be read: then all of them must be raised.
            writer.AddTensor(tensor.Name, live?.LiveType ?? tensor.Type, [.. tensor.Dimensions], isRaised || live is { IsReadable: true } ? live!.Live.ToArray() : model.File.GetData(tensor).ToArray());
        }
        writer.WriteTo(path);
    }

    private static float[] Values(TensorType type, ReadOnlySpan<byte> bytes, MatrixShape shape)
    {
        var values = new float[shape.Length];
        Quantizer.Dequantize(type, bytes, values);
        return values;
    }

    private static double Distance(float[] a, float[] b) => Math.Sqrt(a.Zip(b, static (x, y) => ((double)x - y) * (x - y)).Sum());
}
