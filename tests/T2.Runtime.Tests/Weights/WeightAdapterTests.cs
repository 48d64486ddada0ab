using T2.Gguf.Experts;
using T2.Kernels;
using T2.Llama;
using T2.Weights;

namespace T2.Runtime.Tests.Weights;

[Collection(ModelCollection.Name)]
public sealed class WeightAdapterTests(ModelFixture models)
{
    [Theory]
    [MemberData(nameof(TestModels.Loadings), MemberType = typeof(TestModels))]
    public async Task Adapted_logits_equal_those_of_the_exported_model_in_a_fresh_process(Loading loading)
    {
        await using var model = await models.LoadAsync(loading);
        var expert = TestModels.RandomExpert(model, "math", seed: 3);
        float[] before = TestModels.Logits(model);

        await model.ApplyAsync(expert);
        float[] adapted = TestModels.Logits(model);
        Assert.NotEqual(before, adapted);

        string exported = models.File($"exported-{Guid.NewGuid():N}.gguf");
        using (var factors = FactorStore.TryOpen(FactorStore.DefaultPath(model.File.Path), model.Fingerprint)!)
            ModelExporter.Export(model.File, model.Fingerprint, expert, factors, KernelRegistry.Resolve(), exported, threads: 1);
        TestModels.AssertSameBits(await TestModels.LogitsInFreshProcessAsync(exported, loading), adapted);
        File.Delete(exported);
    }

    [Theory]
    [MemberData(nameof(TestModels.Loadings), MemberType = typeof(TestModels))]
    public async Task Reset_after_an_expert_gives_the_logits_of_a_fresh_process(Loading loading)
    {
        await using var model = await models.LoadAsync(loading);
        await model.ApplyAsync(TestModels.RandomExpert(model, "math", seed: 4));
        await model.ResetAsync();

        TestModels.AssertPristine(model);
        TestModels.AssertSameBits(await TestModels.LogitsInFreshProcessAsync(model.File.Path, loading), TestModels.Logits(model));
    }

    [Fact]
    public async Task The_loadings_cover_every_storage()
    {
        var seen = new HashSet<TensorStorage>();
        foreach (var loading in TestModels.AllLoadings)
        {
            await using var model = await models.LoadAsync(loading);
            foreach (var tensor in BlockWeights.List(model.File))
                seen.Add(model.Weights.Require(tensor.Name).Storage);
        }
        Assert.Superset(new HashSet<TensorStorage> { TensorStorage.Mapped, TensorStorage.Host, TensorStorage.Repacked, TensorStorage.Device }, seen);
    }

    [Theory]
    [MemberData(nameof(TestModels.Loadings), MemberType = typeof(TestModels))]
    public async Task An_expert_of_ones_changes_not_one_byte(Loading loading)
    {
        await using var model = await models.LoadAsync(loading);
        float[] before = TestModels.Logits(model);

        await model.ApplyAsync(TestModels.ConstantExpert(model, "nothing", 1f));

        TestModels.AssertPristine(model);
        TestModels.AssertSameBits(before, TestModels.Logits(model));
    }

    [Theory]
    [InlineData("F16", LlamaLoadMode.Mmap, false)]
    [InlineData("Q8_0", LlamaLoadMode.None, false)]
    [InlineData("Q4_0", LlamaLoadMode.Mmap, true)]
    public async Task Two_hundred_random_switches_leave_no_drift(string types, LlamaLoadMode mode, bool repack)
    {
        await using var model = await models.LoadAsync(new Loading(types, mode, repack));
        float[] fresh = TestModels.Logits(model);
        // Experts of one or two matrices each, so that sets of touched weights overlap only in part.
        var experts = Enumerable.Range(0, 6)
            .Select(seed => TestModels.RandomExpert(model, $"e{seed}", seed, include: weight => weight.Sum(static letter => letter) % 3 == seed % 3 && weight.Contains("attn", StringComparison.Ordinal)))
            .Append(TestModels.RandomExpert(model, "k", 77, include: static weight => weight.EndsWith("attn_k.weight", StringComparison.Ordinal)))
            .ToArray();
        var first = new Dictionary<string, float[]>();
        var random = new Random(20);
        for (int round = 0; round < 200; round++)
        {
            var expert = experts[random.Next(experts.Length)];
            if (random.Next(5) == 0)
                await model.ResetAsync();
            await model.ApplyAsync(expert);
            if (!first.TryGetValue(expert.Name, out float[]? logits))
                first.Add(expert.Name, TestModels.Logits(model));
            else if (round % 10 == 0)
                TestModels.AssertSameBits(logits, TestModels.Logits(model));
        }
        await model.ResetAsync();
        TestModels.AssertPristine(model);
        TestModels.AssertSameBits(fresh, TestModels.Logits(model));
    }

    [Theory]
    [InlineData("F16", LlamaLoadMode.Mmap, false)]
    [InlineData("F16", LlamaLoadMode.None, false)]
    [InlineData("Q4_0", LlamaLoadMode.Mmap, true)]
    public async Task A_rebuild_that_fails_midway_leaves_the_base(string types, LlamaLoadMode mode, bool repack)
    {
        var kernel = new FailingKernel();
        await using var model = await LoadAsync(new Loading(types, mode, repack), kernel);
        float[] fresh = TestModels.Logits(model);
        await model.ApplyAsync(TestModels.RandomExpert(model, "first", 1));
        kernel.FailAfter(5, () => throw new InvalidOperationException("The kernel failed on purpose."));

        await Assert.ThrowsAsync<InvalidOperationException>(() => model.ApplyAsync(TestModels.RandomExpert(model, "second", 2)));

        Assert.Null(model.CurrentExpert);
        TestModels.AssertPristine(model);
        TestModels.AssertSameBits(fresh, TestModels.Logits(model));
    }

    [Theory]
    [InlineData("Q8_0", LlamaLoadMode.None, false)]
    [InlineData("Q4_0", LlamaLoadMode.Mmap, true)]
    public async Task A_rebuild_cancelled_midway_leaves_the_base_and_can_be_repeated(string types, LlamaLoadMode mode, bool repack)
    {
        var kernel = new FailingKernel();
        await using var model = await LoadAsync(new Loading(types, mode, repack), kernel);
        float[] fresh = TestModels.Logits(model);
        await model.ApplyAsync(TestModels.RandomExpert(model, "first", 1));
        using var source = new CancellationTokenSource();
        kernel.FailAfter(3, source.Cancel);
        var second = TestModels.RandomExpert(model, "second", 2);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => model.ApplyAsync(second, cancellation: source.Token));
        Assert.Null(model.CurrentExpert);
        TestModels.AssertPristine(model);
        TestModels.AssertSameBits(fresh, TestModels.Logits(model));

        await model.ApplyAsync(second);
        Assert.NotEqual(fresh, TestModels.Logits(model));
    }

    [Fact]
    public async Task A_prepared_expert_is_not_rebuilt_and_the_budget_is_kept()
    {
        await using var model = await models.LoadAsync(new Loading("Q8_0", LlamaLoadMode.Mmap, false));
        var experts = Enumerable.Range(0, 4).Select(seed => TestModels.RandomExpert(model, $"e{seed}", seed)).ToArray();
        var built = await model.ApplyAsync(experts[0]);
        float[] first = TestModels.Logits(model);
        Assert.Equal(built.Weights, built.Rebuilt);
        await model.ApplyAsync(experts[1]);
        var back = await model.ApplyAsync(experts[0]);
        Assert.Equal(0, back.Rebuilt);
        Assert.Equal(built.Weights, back.Weights);
        TestModels.AssertSameBits(first, TestModels.Logits(model));
        // Arenas are of whole pages.
        Assert.InRange(model.PreparedBytes, 2 * built.Bytes, 2 * (built.Bytes + 65536));
    }

    [Fact]
    public async Task Without_a_budget_only_the_expert_in_use_is_kept()
    {
        await using var model = await AdaptiveModel.LoadAsync(models.Model("Q8_0"), new ModelOptions { PreparedBytes = 0, Repack = false });
        var one = TestModels.RandomExpert(model, "one", 1);
        var two = TestModels.RandomExpert(model, "two", 2);
        var built = await model.ApplyAsync(one);
        float[] first = TestModels.Logits(model);
        await model.ApplyAsync(two);
        Assert.InRange(model.PreparedBytes, built.Bytes, built.Bytes + 65536);
        var again = await model.ApplyAsync(one);
        Assert.Equal(built.Weights, again.Rebuilt);
        TestModels.AssertSameBits(first, TestModels.Logits(model));
    }

    [Theory]
    [InlineData("Q8_0", LlamaLoadMode.Mmap, false)]
    [InlineData("Q4_0", LlamaLoadMode.Mmap, true)]
    public async Task Two_thousand_switches_leave_memory_flat_and_the_base_exact(string types, LlamaLoadMode mode, bool repack)
    {
        var loading = new Loading(types, mode, repack);
        // Room for two of four experts of attention: about half of the switches rebuild one and give up another.
        await using var probe = await models.LoadAsync(loading);
        static bool IsAttention(string weight) => weight.Contains("attn", StringComparison.Ordinal);
        long one = (await probe.ApplyAsync(TestModels.RandomExpert(probe, "probe", 0, include: IsAttention))).Bytes;
        await using var model = await AdaptiveModel.LoadAsync(models.Model(types), loading.Options with { AdaptationThreads = 1, PreparedBytes = 2 * (one + 65536) });
        float[] fresh = TestModels.Logits(model);
        var experts = Enumerable.Range(0, 4).Select(seed => TestModels.RandomExpert(model, $"e{seed}", seed, include: IsAttention)).ToArray();
        var random = new Random(3);
        long resident = 0, prepared = 0;
        int rebuilt = 0;
        for (int round = 0; round < 2000; round++)
        {
            if (round == 200)
                (resident, prepared) = (Resident(), model.PreparedBytes);
            rebuilt += (await model.ApplyAsync(experts[random.Next(experts.Length)])).Rebuilt > 0 ? 1 : 0;
            if (round % 7 == 0)
                await model.ResetAsync();
        }

        Assert.InRange(rebuilt, 500, 1500);
        Assert.Equal(prepared, model.PreparedBytes);
        // A thousandth of what they would take if none were freed is 0.4 MB; the rest is room for the runtime and for other tests.
        Assert.InRange(Resident() - resident, long.MinValue, 48 << 20);
        await model.ResetAsync();
        TestModels.AssertPristine(model);
        TestModels.AssertSameBits(fresh, TestModels.Logits(model));

        static long Resident()
        {
            GC.Collect();
            return Environment.WorkingSet;
        }
    }

    [Fact]
    public async Task A_mixture_is_a_mixture_of_z()
    {
        await using var model = await models.LoadAsync(new Loading("F16", LlamaLoadMode.Mmap, false));
        var a = TestModels.RandomExpert(model, "a", 1);
        var b = TestModels.RandomExpert(model, "b", 2);
        var mixed = Expert.Mix([(a, 0.7f), (b, 0.3f)], "mixed");
        foreach (var (name, z) in mixed.Vectors)
        {
            for (int index = 0; index < z.Length; index++)
                Assert.Equal(1 + 0.7 * (a.Vectors[name].Span[index] - 1.0) + 0.3 * (b.Vectors[name].Span[index] - 1.0), z.Span[index], 5e-7);
        }

        await model.ApplyAsync(Expert.Mix([(a, 1f), (b, 0f)], "onehot"));
        float[] oneHot = TestModels.Logits(model);
        await model.ApplyAsync(a);
        TestModels.AssertSameBits(TestModels.Logits(model), oneHot);
    }

    [Fact]
    public async Task An_expert_that_does_not_fit_is_refused_before_anything_changes()
    {
        await using var model = await models.LoadAsync(new Loading("F16", LlamaLoadMode.Mmap, false));
        var good = TestModels.RandomExpert(model, "good", 1);
        await model.ApplyAsync(good);
        float[] adapted = TestModels.Logits(model);
        string weight = good.Vectors.Keys.First();

        (Expert Expert, string Says)[] misfits =
        [
            (With(good, fingerprint: "xxh128:00000000000000000000000000000000"), "was made for weights"),
            (With(good, architecture: "qwen2"), "architecture"),
            (With(good, vectors: new() { [weight] = new float[] { 1, 2 } }), weight),
            (With(good, vectors: new() { ["blk.99.ffn_up.weight"] = new float[] { 1, 2 } }), "blk.99.ffn_up.weight"),
            (With(good, vectors: new() { ["token_embd.weight"] = Enumerable.Repeat(1.5f, 256).ToArray() }), "token_embd.weight"),
        ];
        foreach (var (expert, says) in misfits)
        {
            var refused = await Assert.ThrowsAsync<ExpertMismatchException>(() => model.ApplyAsync(expert));
            Assert.Contains(says, refused.Message, StringComparison.Ordinal);
            Assert.Same(good, model.CurrentExpert);
            TestModels.AssertSameBits(adapted, TestModels.Logits(model));
        }
    }

    private static Expert With(Expert expert, string? architecture = null, string? fingerprint = null, Dictionary<string, ReadOnlyMemory<float>>? vectors = null) =>
        new("misfit", architecture ?? expert.Architecture, fingerprint ?? expert.BaseFingerprint, vectors ?? expert.Vectors.ToDictionary());

    private Task<AdaptiveModel> LoadAsync(Loading loading, IWeightKernel kernel) =>
        AdaptiveModel.LoadAsync(models.Model(loading.Types), loading.Options with { KernelOverride = kernel });

    /// <summary>Rebuilds like the real one until it is told to fail: then it half-writes the destination and does as told.</summary>
    private sealed class FailingKernel : IWeightKernel
    {
        private readonly IWeightKernel _real = KernelRegistry.Resolve();
        private int _left = int.MaxValue;
        private Action _fail = static () => { };

        public string Name => "failing";

        public void FailAfter(int rebuilds, Action fail) => (_left, _fail) = (rebuilds, fail);

        public void Factorize(ReadOnlySpan<float> weight, MatrixShape shape, Span<double> singularValues, Span<float> basis, int threads, CancellationToken cancellation) =>
            _real.Factorize(weight, shape, singularValues, basis, threads, cancellation);

        public void Rebuild(in RebuildJob job, int threads, CancellationToken cancellation)
        {
            if (_left-- > 0)
            {
                _real.Rebuild(job, threads, cancellation);
                return;
            }
            job.Destination[..(job.Destination.Length / 2)].Fill(0x5a);
            _left = int.MaxValue;
            _fail();
            cancellation.ThrowIfCancellationRequested();
        }
    }
}
