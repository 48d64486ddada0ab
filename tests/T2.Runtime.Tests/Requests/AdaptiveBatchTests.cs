using T2.Llama;

namespace T2.Runtime.Tests.Requests;

[Collection(ModelCollection.Name)]
public sealed class AdaptiveBatchTests(ModelFixture models)
{
    private static readonly Loading s_plain = new("F16", LlamaLoadMode.Mmap, false);

    [Fact]
    public async Task Requests_for_one_expert_share_a_rebuild_and_keep_their_order()
    {
        await using var model = await ModelAsync();
        await using var batch = new AdaptiveBatch(model, Options());
        string[] prompts = ["math 0", "code 1", "other 2", "math 3", "code 4", "math 5", "other 6"];
        var answers = await AnswersAsync(batch, prompts.Select(Request));
        Assert.Equal(Enumerable.Range(0, 7), answers.Select(static answer => answer.Index));
        Assert.Equal(prompts, answers.Select(static answer => answer.Request.Request.Prompt));
        Assert.Equal(["math", "code", null, "math", "code", "math", null], answers.Select(static answer => answer.Expert?.Name));

        // Each equals the answer of a session of its own under that expert; "other" that of the base.
        await using var session = model.CreateSession(new() { ContextLength = 128, Threads = 1, Format = ChatFormat.Plain });
        foreach (var answer in answers)
        {
            var weights = answer.Expert is { } expert ? Adaptation.To(expert) : Adaptation.Base;
            var text = new System.Text.StringBuilder();
            await foreach (string piece in session.AskAsync(answer.Request.Request.Prompt, new() { Adaptation = weights, MaxTokens = 4, Sampling = new() { Temperature = 0 } }))
                text.Append(piece);
            Assert.Equal(text.ToString(), answer.Answer.Text);
        }
    }

    [Fact]
    public async Task Without_order_answers_come_group_by_group_and_the_weights_change_once_for_each()
    {
        await using var model = await ModelAsync();
        await using var batch = new AdaptiveBatch(model, Options() with { KeepOrder = false });
        long before = model.Adapter.Epoch;
        var answers = await AnswersAsync(batch, Enumerable.Range(0, 12).Select(index => Request($"{(index % 2 == 0 ? "math" : "code")} {index}")));
        Assert.Equal(before + 2, model.Adapter.Epoch);
        Assert.All(answers.Take(6), static answer => Assert.Equal("math", answer.Expert!.Name));
        Assert.All(answers.Skip(6), static answer => Assert.Equal("code", answer.Expert!.Name));
        Assert.Equal(Enumerable.Range(0, 12), answers.Select(static answer => answer.Index).Order());
    }

    [Fact]
    public async Task A_flood_of_requests_for_one_expert_does_not_starve_another()
    {
        await using var model = await ModelAsync();
        await using var batch = new AdaptiveBatch(model, Options() with { KeepOrder = false, Window = 8 });
        int read = 0;
        IEnumerable<AdaptiveRequest> Flood()
        {
            while (true)
                yield return Request(read++ == 3 ? "code 3" : "math again");
        }
        int seen = 0;
        await foreach (var answer in batch.AnswerAsync(Flood()))
        {
            seen++;
            if (answer.Expert!.Name == "code")
                break;
        }
        Assert.InRange(seen, 1, 8);
        Assert.Equal(8, read);
    }

    [Fact]
    public async Task A_request_that_fails_stops_no_other()
    {
        await using var model = await ModelAsync();
        var foreign = TestModels.RandomExpert(model, "foreign", 7).With(baseFingerprint: "sha256:other");
        await using var batch = new AdaptiveBatch(model, Options());
        AdaptiveRequest[] requests =
        [
            Request("math 0"),
            Request("throw 1"),
            Request("nobody 2"),
            Request("math 3") with { Adaptation = Adaptation.To(foreign) },
            Request(new string('x', 4000)),
            Request("code 5"),
        ];
        var answers = await AnswersAsync(batch, requests);
        Assert.Equal(Enumerable.Range(0, 6), answers.Select(static answer => answer.Index));
        Assert.Null(answers[0].Answer.Error);
        Assert.Contains("will not", answers[1].Answer.Error, StringComparison.Ordinal);
        Assert.Contains("nobody", answers[2].Answer.Error, StringComparison.Ordinal);
        Assert.Contains("sha256:other", answers[3].Answer.Error, StringComparison.Ordinal);
        Assert.NotNull(answers[4].Answer.Error);
        Assert.Null(answers[5].Answer.Error);
        Assert.Equal("code", answers[5].Expert!.Name);
    }

    [Fact]
    public async Task Other_after_an_expert_is_the_base_bit_for_bit()
    {
        await using var model = await ModelAsync();
        float[] onBase = TestModels.Logits(model);
        await using var batch = new AdaptiveBatch(model, Options());
        var answers = await AnswersAsync(batch, [Request("math 0"), Request("other 1")]);
        Assert.Equal(["math", null], answers.Select(static answer => answer.Expert?.Name));
        TestModels.AssertPristine(model);
        TestModels.AssertSameBits(onBase, TestModels.Logits(model));
        await AnswersAsync(batch, [Request("math 2")]);
        Assert.NotEqual(onBase, TestModels.Logits(model));
    }

    [Fact]
    public async Task Requests_can_have_strategies_of_their_own()
    {
        await using var model = await ModelAsync();
        var found = TestModels.RandomExpert(model, "found", 8);
        await using var batch = new AdaptiveBatch(model, Options());
        var answers = await AnswersAsync(batch, [Request("math 0"), Request("math 1") with { Dispatch = new FewShotDispatch(found) }, Request("code 2") with { Adaptation = Adaptation.Base }]);
        Assert.Equal(["math", "found", null], answers.Select(static answer => answer.Expert?.Name));
        Assert.Null(answers[2].Decision);
    }

    private async Task<AdaptiveModel> ModelAsync()
    {
        var model = await models.LoadAsync(s_plain);
        model.Experts.Add(TestModels.RandomExpert(model, "math", 1));
        model.Experts.Add(TestModels.RandomExpert(model, "code", 2));
        return model;
    }

    private static AdaptiveBatchOptions Options() => new()
    {
        Dispatch = new FirstWord(),
        DispatchContextLength = 256,
        Batch = new() { Sequences = 4, ContextLength = 128, Threads = 1, Format = ChatFormat.Plain },
    };

    private static AdaptiveRequest Request(string prompt) => new(new BatchRequest(prompt) { MaxTokens = 4 });

    private static async Task<List<AdaptiveAnswer>> AnswersAsync(AdaptiveBatch batch, IEnumerable<AdaptiveRequest> requests)
    {
        var answers = new List<AdaptiveAnswer>();
        await foreach (var answer in batch.AnswerAsync(requests))
            answers.Add(answer);
        return answers;
    }

    /// <summary>Takes a prompt's first word for the expert's name.</summary>
    private sealed class FirstWord : IDispatchStrategy
    {
        public string Name => "first word";

        public bool ReadsPrompt => false;

        public DispatchDecision Decide(IDispatchReader reader, string question, IReadOnlyList<ExpertLabel> labels, CancellationToken cancellation) => question.Split(' ')[0] switch
        {
            "throw" => throw new InvalidOperationException("I will not."),
            "other" => new(null, 1, [], 0, "it says so"),
            var word => new(word.Length > 100 ? null : word, 1, [], 0, "it says so"),
        };
    }
}
