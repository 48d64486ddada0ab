using T2.Gguf.Experts;
using T2.Llama;

namespace T2.Runtime.Tests.Dispatch;

[Collection(ModelCollection.Name)]
public sealed class StrategyTests(ModelFixture models)
{
    private static readonly Loading s_plain = new("F16", LlamaLoadMode.Mmap, false);

    [Fact]
    public async Task A_classifier_is_what_pass_1_runs_under_and_never_an_answer()
    {
        await using var model = await models.LoadAsync(s_plain);
        model.Experts.Add(TestModels.RandomExpert(model, "math", 1));
        var classifier = TestModels.RandomExpert(model, "cls", 9).With(extra: new KeyValuePair<string, string>(Expert.RoleKey, Expert.ClassifierRole));
        model.Experts.Add(classifier);
        Assert.Equal(["math"], model.Experts.Experts.Select(static expert => expert.Name));
        Assert.Equal([classifier], model.Experts.Classifiers);

        await using var session = model.CreateSession(Options(new ClassificationDispatch(classifier, minimumConfidence: 0)));
        await Text(session, "How much is it?");
        var decision = session.LastReport!.Decision!;
        Assert.Equal(["math", "other"], decision.Scores.Select(static score => score.Label).Order());
        Assert.Contains("'cls'", session.LastReport!.Stages.Single(static stage => stage.Stage == Stage.Reset).Detail, StringComparison.Ordinal);

        await model.ApplyAsync(classifier);
        using var context = TestModels.NewContext(model, sequences: 8, contextLength: 512);
        var expected = new ScoredChoiceDispatch { MinimumConfidence = 0 }.Decide(
            new DispatchReader(context, ChatFormat.Plain), "How much is it?", model.Experts.Labels, CancellationToken.None);
        foreach (var score in expected.Scores)
            Assert.Equal(score.Probability, decision.Scores.Single(other => other.Label == score.Label).Probability, 1e-4);

        // A later question under the same classifier finds its instruction kept, though pass 2 ran under other weights in between.
        await Text(session, "How much is it?");
        Assert.True(session.LastReport!.Decision!.Tokens < decision.Tokens);
        Assert.Equal(decision.Scores, session.LastReport!.Decision!.Scores);
    }

    [Fact]
    public async Task A_classifier_that_does_not_fit_is_an_error_and_not_the_base()
    {
        await using var model = await models.LoadAsync(s_plain);
        model.Experts.Add(TestModels.RandomExpert(model, "math", 1));
        var foreign = TestModels.RandomExpert(model, "cls", 9).With(baseFingerprint: "sha256:other");
        await using var session = model.CreateSession(Options(new ClassificationDispatch(foreign)));
        await Assert.ThrowsAsync<ExpertMismatchException>(() => Text(session, "How much?"));
        TestModels.AssertPristine(model);
    }

    [Fact]
    public void A_classifier_brings_its_temperature()
    {
        Expert Classifier(string temperature) => new(
            "cls", "llama", "f", [new("blk.0.ffn_up.weight", new float[] { 1 })], extra: [new(ClassificationDispatch.TemperatureKey, temperature)]);
        var reader = new FakeReader([-1, -2]);
        var warm = new ClassificationDispatch(Classifier("10")).Decide(reader, "?", [new("math", null)], CancellationToken.None);
        var cold = new ClassificationDispatch(Classifier("10"), temperature: 0.1).Decide(reader, "?", [new("math", null)], CancellationToken.None);
        Assert.Equal(1 / (1 + Math.Exp(-0.1)), warm.Confidence, 12);
        Assert.True(cold.Confidence > 0.999);
        Assert.Throws<ArgumentException>(() => new ClassificationDispatch(Classifier("warm")));
    }

    [Fact]
    public async Task A_conversation_keeps_its_expert_unless_told_otherwise()
    {
        await using var model = await models.LoadAsync(s_plain);
        model.Experts.Add(TestModels.RandomExpert(model, "math", 1));
        model.Experts.Add(TestModels.RandomExpert(model, "code", 2));
        var strategy = new Alternating();
        await using var session = model.CreateSession(Options(strategy) with { KeepConversation = true });
        async Task<string?> Expert(AskOptions? options = null)
        {
            await Text(session, "Go on", options);
            return session.LastReport!.Expert;
        }
        Assert.Equal("math", await Expert());
        Assert.Equal("math", await Expert());
        Assert.Equal(1, strategy.Asked);
        Assert.Equal("code", await Expert(s_ask with { Redispatch = true }));
        Assert.Equal("code", await Expert());
        // An answer under a fixed expert leaves what the conversation was given.
        Assert.Null(await Expert(s_ask with { Adaptation = Adaptation.Base }));
        Assert.Equal("code", await Expert());
        session.ClearConversation();
        Assert.Equal("math", await Expert());

        await using var alone = model.CreateSession(Options(strategy));
        await Text(alone, "Go on");
        await Text(alone, "Go on");
        Assert.Equal(5, strategy.Asked);
    }

    [Fact]
    public async Task A_prompt_can_have_its_own_strategy_and_found_weights_answer_without_a_first_pass()
    {
        await using var model = await models.LoadAsync(s_plain);
        var mixture = TestModels.RandomExpert(model, "found", 5);
        await using var session = model.CreateSession(Options(new Alternating()));
        string found = await Text(session, "Go on", s_ask with { Dispatch = new FewShotDispatch(mixture) });
        Assert.Equal("found", session.LastReport!.Expert);
        Assert.DoesNotContain(session.LastReport!.Stages, static stage => stage.Stage == Stage.Reset);
        Assert.Equal(found, await Text(session, "Go on", s_ask with { Adaptation = Adaptation.To(mixture) }));
        await Text(session, "Go on", s_ask with { Dispatch = new FewShotDispatch(null) });
        Assert.Null(session.LastReport!.Expert);
        TestModels.AssertPristine(model);
    }

    private static readonly AskOptions s_ask = new() { MaxTokens = 4, Sampling = new() { Temperature = 0 } };

    private static SessionOptions Options(IDispatchStrategy strategy) =>
        new() { ContextLength = 512, Threads = 1, Format = ChatFormat.Plain, Dispatch = strategy };

    private static async Task<string> Text(AdaptiveSession session, string prompt, AskOptions? options = null)
    {
        var text = new System.Text.StringBuilder();
        await foreach (string piece in session.AskAsync(prompt, options ?? s_ask))
            text.Append(piece);
        return text.ToString();
    }

    private sealed class Alternating : IDispatchStrategy
    {
        public int Asked { get; private set; }

        public string Name => "alternating";

        public DispatchDecision Decide(IDispatchReader reader, string question, IReadOnlyList<ExpertLabel> labels, CancellationToken cancellation) =>
            new(Asked++ % 2 == 0 ? "math" : "code", 1, [], 0, "its turn");
    }

    private sealed class FakeReader(double[] scores) : IDispatchReader
    {
        public string Render(string system, string user) => user;

        public double[] Score(string prompt, IReadOnlyList<string> continuations, CancellationToken cancellation, out int tokens)
        {
            tokens = 1;
            return scores;
        }

        public string Continue(string prompt, int maxTokens, CancellationToken cancellation, out int tokens) => throw new NotSupportedException();
    }
}
