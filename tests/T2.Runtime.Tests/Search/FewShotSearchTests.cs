using T2.Gguf.Experts;
using T2.Llama;
using T2.Runtime.Search;
using T2.Tasks;

namespace T2.Runtime.Tests.Search;

[Collection(ModelCollection.Name)]
public sealed class FewShotSearchTests(ModelFixture models)
{
    private static readonly Loading s_plain = new("F16", LlamaLoadMode.Mmap, false);
    private static readonly BatchOptions s_batch = new() { Sequences = 6, ContextLength = 128, Threads = 1, Format = ChatFormat.Plain };
    private static readonly FewShotOptions s_options = new() { Shots = 6, Generations = 4, Population = 8, Elites = 3, Seed = 1, Batch = s_batch };

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public async Task A_mixture_that_answers_the_shots_is_found(bool perWeight, bool normalise)
    {
        await using var model = await models.LoadAsync(s_plain);
        var (math, code) = Experts(model);
        // The right answers are those of one expert, so its share must grow and the other's must shrink.
        var task = await TaskOfAsync(model, math);
        var result = await new FewShotSearch(model, [math, code], task, s_options with { PerWeight = perWeight, Normalise = normalise }).RunAsync();
        if (perWeight)
            Assert.True(result.ShotAccuracy >= result.BaseShotAccuracy, $"{result.ShotAccuracy} is below the base's {result.BaseShotAccuracy}.");
        else
            Assert.True(result.Shares[0].Share > result.Shares[1].Share + 0.1, string.Join(", ", result.Shares));
        if (!perWeight && !normalise)
            Assert.True(result.ShotAccuracy > result.BaseShotAccuracy, $"{result.ShotAccuracy} is not above the base's {result.BaseShotAccuracy}.");
        Assert.Equal(4, result.Generations);
        Assert.Equal(32, result.Candidates);
        if (normalise)
            Assert.Equal(1, result.Shares.Sum(static share => share.Share), 1e-6);

        // What was found is an ordinary expert that says where it is from.
        string file = models.File($"found-{perWeight}-{normalise}.gguf");
        result.Found!.Save(file);
        var read = Expert.Load(file);
        Assert.Contains("shots=6", read.Extra[FewShotSearch.SearchKey], StringComparison.Ordinal);
        Assert.Contains("math=", read.Extra[perWeight ? Expert.MixPerWeightKey : Expert.MixKey], StringComparison.Ordinal);
        await model.ApplyAsync(read);
    }

    [Fact]
    public async Task A_resumed_search_equals_one_that_was_never_interrupted()
    {
        await using var model = await models.LoadAsync(s_plain);
        var (math, code) = Experts(model);
        var task = await TaskOfAsync(model, math);
        var whole = await new FewShotSearch(model, [math, code], task, s_options).RunAsync();

        string state = models.File("search.json");
        using var stop = new CancellationTokenSource();
        var progress = new Immediate(report =>
        {
            if (report.Generation == 2)
                stop.Cancel();
        });
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => new FewShotSearch(model, [math, code], task, s_options with { StatePath = state }).RunAsync(null, progress, stop.Token));
        var resumed = await new FewShotSearch(model, [math, code], task, s_options with { StatePath = state }).RunAsync();
        Assert.Equal(16, resumed.Candidates);
        Assert.Equal(whole.Shares, resumed.Shares);
        foreach (var (weight, z) in whole.Found!.Vectors)
            TestModels.AssertSameBits(z.Span, resumed.Found!.Vectors[weight].Span);

        // A state of another search is refused, not gone on with.
        var other = new FewShotSearch(model, [math, code], task, s_options with { StatePath = state, Seed = 2 });
        Assert.Contains("other settings", (await Assert.ThrowsAsync<FormatException>(() => other.RunAsync())).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task One_hot_shares_are_the_expert_bit_for_bit_and_zero_shares_are_the_base()
    {
        await using var model = await models.LoadAsync(s_plain);
        var (math, code) = Experts(model);
        foreach (bool perWeight in new[] { false, true })
        {
            var space = new MixtureSpace([math, code], perWeight, normalise: false);
            Assert.Equal(perWeight ? 2 * math.Vectors.Count : 2, space.Dimensions);
            double[] oneHot = [.. Enumerable.Range(0, space.Dimensions).Select(static index => index % 2 == 1 ? 1.0 : 0.0)];
            var mixture = space.At(oneHot, "one-hot")!;
            Assert.Equal(code.Vectors.Keys.Order(), mixture.Vectors.Keys.Order());
            foreach (var (weight, z) in code.Vectors)
                TestModels.AssertSameBits(z.Span, mixture.Vectors[weight].Span);
            await model.ApplyAsync(code);
            float[] expected = TestModels.Logits(model);
            await model.ApplyAsync(mixture.With());
            TestModels.AssertSameBits(expected, TestModels.Logits(model));
            Assert.Null(space.At(new double[space.Dimensions], "nothing"));
        }
    }

    [Fact]
    public void Shares_of_a_weight_mix_that_weight_as_defined()
    {
        static Expert Make(string name, float up, float down) =>
            new(name, "llama", "f", [new("up", new[] { up, 1 }), new("down", new[] { down, 1 })]);
        var mixed = Expert.MixPerWeight([Make("a", 2, 3), Make("b", 5, 7)], new Dictionary<string, float[]> { ["up"] = [0.5f, 0.25f], ["down"] = [0, 1] }, "m");
        // 1 + 0.5·(2 − 1) + 0.25·(5 − 1) = 2.5
        Assert.Equal([2.5f, 1f], mixed.Vectors["up"].ToArray());
        Assert.Equal([7f, 1f], mixed.Vectors["down"].ToArray());
        Assert.Throws<ArgumentException>(() => Expert.MixPerWeight([Make("a", 2, 3)], new Dictionary<string, float[]> { ["up"] = [0] }, "m"));
        Assert.Throws<ArgumentException>(() => Expert.MixPerWeight([Make("a", 2, 3)], new Dictionary<string, float[]> { ["up"] = [1, 0] }, "m"));
    }

    [Fact]
    public async Task Shots_and_validation_do_not_overlap_and_shots_do_not_run_out()
    {
        await using var model = await models.LoadAsync(s_plain);
        var (math, code) = Experts(model);
        var task = new TaskSet("t", null, "exact", 4, [.. Enumerable.Range(0, 6).Select(static index => new TaskItem($"{index}", $"Q{index}", "x"))]);
        var search = new FewShotSearch(model, [math, code], task, s_options);
        Assert.Contains("one of the shots", (await Assert.ThrowsAsync<ArgumentException>(() => search.RunAsync(task))).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => new FewShotSearch(model, [math], task, s_options with { Shots = 7 }));
        Assert.Throws<ArgumentException>(() => new FewShotSearch(model, [], task, s_options));
    }

    private static (Expert Math, Expert Code) Experts(AdaptiveModel model) =>
        (TestModels.RandomExpert(model, "math", 1, 0.8f), TestModels.RandomExpert(model, "code", 2, 0.8f));

    /// <summary>A task whose right answers are what the model says under an expert.</summary>
    private static async Task<TaskSet> TaskOfAsync(AdaptiveModel model, Expert expert)
    {
        await using var generator = new BatchGenerator(model, s_batch);
        var items = new List<TaskItem>();
        await foreach (var answer in generator.GenerateAsync(Enumerable.Range(0, 24).Select(static index => new BatchRequest($"Question {index} of many") { MaxTokens = 3 }), expert))
        {
            if (answer.Text.Trim().Length > 0)
                items.Add(new TaskItem($"{answer.Index}", answer.Request.Prompt, answer.Text));
        }
        return new TaskSet("said", null, "exact", 3, [.. items.OrderBy(static item => item.Id, StringComparer.Ordinal)]);
    }

    private sealed class Immediate(Action<FewShotProgress> report) : IProgress<FewShotProgress>
    {
        public void Report(FewShotProgress value) => report(value);
    }
}
