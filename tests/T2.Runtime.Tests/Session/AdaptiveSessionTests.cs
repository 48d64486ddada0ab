using T2.Gguf;
using T2.Llama;
using T2.TestKit;

namespace T2.Runtime.Tests.Session;

[Collection(ModelCollection.Name)]
public sealed class AdaptiveSessionTests(ModelFixture models)
{
    private static readonly Loading s_plain = new("F16", LlamaLoadMode.Mmap, false);
    private static readonly LlamaSamplingOptions s_greedy = new() { Temperature = 0 };

    [Fact]
    public async Task A_text_goes_on_past_its_end_when_the_end_is_ignored()
    {
        await using var model = await AdaptiveModel.LoadAsync(Path.Combine(RepositoryRoot.Path, "models", "bundled", "t2-mini.gguf"));
        await using var session = model.CreateSession(new() { ContextLength = 256, Threads = 1 });
        foreach (bool ignore in new[] { false, true })
        {
            var options = new AskOptions { Adaptation = Adaptation.Base, MaxTokens = 40, IgnoreEnd = ignore, Sampling = new() { Temperature = 0 } };
            await foreach (string _ in session.AskAsync("What is 74 - 40?", options))
            {
            }
            Assert.Equal(ignore ? StopReason.MaxTokens : StopReason.EndOfGeneration, session.LastReport!.StopReason);
            Assert.Equal(ignore, session.LastReport.GeneratedTokens == 40);
        }
    }

    [Fact]
    public async Task A_prompt_goes_through_every_stage_and_streams()
    {
        await using var model = await models.LoadAsync(s_plain);
        model.Experts.Add(TestModels.RandomExpert(model, "math", 1));
        model.Experts.Add(TestModels.RandomExpert(model, "code", 2));
        await using var session = model.CreateSession(Options(new FixedDispatch("code")));

        var seen = new List<Stage>();
        var pieces = new List<string>();
        var options = Ask(Adaptation.Dispatch) with { Progress = new Immediate(report => seen.Add(report.Stage)) };
        await foreach (string piece in session.AskAsync("What is it?", options))
            pieces.Add(piece);

        var report = session.LastReport!;
        Assert.Equal("code", report.Expert);
        Assert.Equal("code", model.CurrentExpert!.Name);
        Assert.Equal([Stage.Wait, Stage.Reset, Stage.Dispatch, Stage.Factor, Stage.Rebuild, Stage.Prefill, Stage.Decode], seen);
        Assert.Equal(seen, report.Stages.Select(static stage => stage.Stage));
        Assert.True(report.TimeToFirstToken > TimeSpan.Zero);
        Assert.NotEmpty(pieces);
        Assert.InRange(report.GeneratedTokens, 1, 16);
    }

    [Fact]
    public async Task Other_and_unsure_answer_with_the_base_weights_whatever_came_before()
    {
        await using var model = await models.LoadAsync(s_plain);
        model.Experts.Add(TestModels.RandomExpert(model, "math", 1));
        await using var session = model.CreateSession(Options(new FixedDispatch(null)));
        string onBase = await Text(session, "Tell me.", Ask(Adaptation.Base));
        string onExpert = await Text(session, "Tell me.", Ask(Adaptation.To(model.Experts.Get("math"))));
        Assert.NotEqual(onBase, onExpert);

        Assert.Equal(onBase, await Text(session, "Tell me.", Ask(Adaptation.Dispatch)));
        Assert.Null(session.LastReport!.Expert);
        TestModels.AssertPristine(model);
    }

    [Fact]
    public async Task Dispatch_always_reads_the_base_weights_and_an_empty_cache()
    {
        await using var model = await models.LoadAsync(s_plain);
        model.Experts.Add(TestModels.RandomExpert(model, "math", 1));
        model.Experts.Add(TestModels.RandomExpert(model, "code", 2));
        await using var session = model.CreateSession(Options(new ScoredChoiceDispatch { MinimumConfidence = 0 }));
        await Text(session, "First question", Ask(Adaptation.Dispatch));
        var first = session.LastReport!.Decision!;
        await Text(session, "Another, under an expert", Ask(Adaptation.To(model.Experts.Get("math"))));
        await Text(session, "First question", Ask(Adaptation.Dispatch));
        Assert.Equal(first.Scores, session.LastReport!.Decision!.Scores);
        Assert.Equal(3, first.Scores.Count);
    }

    [Fact]
    public async Task A_seed_decides_the_answer()
    {
        await using var model = await models.LoadAsync(s_plain);
        await using var session = model.CreateSession(Options(new FixedDispatch(null)));
        AskOptions Seeded(uint seed) => Ask(Adaptation.Base) with { Sampling = new() { Temperature = 1, Seed = seed } };
        string first = await Text(session, "Once", Seeded(7));
        Assert.Equal(first, await Text(session, "Once", Seeded(7)));
        Assert.NotEqual(first, await Text(session, "Once", Seeded(8)));
    }

    [Fact]
    public async Task A_cache_of_other_weights_cannot_be_decoded_on()
    {
        await using var model = await models.LoadAsync(s_plain);
        using var context = TestModels.NewContext(model);
        context.Begin();
        context.Prefill(TestModels.Prompt, 0, CancellationToken.None);
        await model.ApplyAsync(TestModels.RandomExpert(model, "math", 1));

        Assert.Throws<InvalidOperationException>(() => context.Step(5, TestModels.Prompt.Length));
        context.Begin();
        context.Step(5, 0);
        await model.ResetAsync();
        Assert.Throws<InvalidOperationException>(() => context.Step(5, 1));
    }

    [Fact]
    public async Task Sessions_that_want_different_experts_never_see_each_others_weights()
    {
        await using var model = await models.LoadAsync(s_plain);
        var math = TestModels.RandomExpert(model, "math", 1);
        var code = TestModels.RandomExpert(model, "code", 2);
        await using var one = model.CreateSession(Options(new FixedDispatch(null)));
        await using var two = model.CreateSession(Options(new FixedDispatch(null)));
        string expectMath = await Text(one, "Go on", Ask(Adaptation.To(math)));
        string expectCode = await Text(one, "Go on", Ask(Adaptation.To(code)));
        Assert.NotEqual(expectMath, expectCode);

        async Task Repeat(AdaptiveSession session, Adaptation adaptation, string expected)
        {
            for (int round = 0; round < 8; round++)
                Assert.Equal(expected, await Text(session, "Go on", Ask(adaptation)));
        }
        await Task.WhenAll(Repeat(one, Adaptation.To(math), expectMath), Repeat(two, Adaptation.To(code), expectCode));
    }

    [Fact]
    public async Task A_switch_waits_for_the_answer_in_progress()
    {
        await using var model = await models.LoadAsync(s_plain);
        var math = TestModels.RandomExpert(model, "math", 1);
        var code = TestModels.RandomExpert(model, "code", 2);
        await using var session = model.CreateSession(Options(new FixedDispatch(null)));
        string expected = await Text(session, "Go on", Ask(Adaptation.To(math)));

        Task<RebuildReport>? change = null;
        bool cameBetween = false;
        var options = Ask(Adaptation.To(math)) with
        {
            Progress = new Immediate(report =>
            {
                if (report.Stage != Stage.Prefill)
                    return;
                change = model.ApplyAsync(code);
                cameBetween = SpinWait.SpinUntil(() => change.IsCompleted, TimeSpan.FromMilliseconds(200));
            }),
        };
        Assert.Equal(expected, await Text(session, "Go on", options));
        Assert.False(cameBetween);
        await change!;
        Assert.Same(code, model.CurrentExpert);
    }

    [Theory]
    [InlineData(Stage.Reset)]
    [InlineData(Stage.Dispatch)]
    [InlineData(Stage.Factor)]
    [InlineData(Stage.Rebuild)]
    [InlineData(Stage.Prefill)]
    public async Task Cancelling_at_a_stage_boundary_stops_and_the_next_prompt_works(Stage stage)
    {
        await using var model = await models.LoadAsync(s_plain);
        model.Experts.Add(TestModels.RandomExpert(model, "math", 1));
        await using var session = model.CreateSession(Options(new FixedDispatch("math")));
        string expected = await Text(session, "Go on", Ask(Adaptation.Dispatch));
        await model.ResetAsync();

        using var source = new CancellationTokenSource();
        var options = Ask(Adaptation.Dispatch) with { Progress = new Immediate(report => { if (report.Stage == stage) source.Cancel(); }) };
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (string piece in session.AskAsync("Go on", options, source.Token))
                Assert.Fail("Nothing should be generated.");
        });
        if (stage is not (Stage.Rebuild or Stage.Prefill))
            TestModels.AssertPristine(model);
        Assert.Equal(expected, await Text(session, "Go on", Ask(Adaptation.Dispatch)));
    }

    [Fact]
    public async Task Leaving_the_stream_early_frees_the_model()
    {
        await using var model = await models.LoadAsync(s_plain);
        await using var session = model.CreateSession(Options(new FixedDispatch(null)));
        await foreach (string _ in session.AskAsync("Go on", Ask(Adaptation.Base) with { MaxTokens = -1 }))
            break;
        Assert.NotEmpty(await Text(session, "Go on", Ask(Adaptation.Base)));
    }

    [Fact]
    public async Task A_prompt_that_does_not_fit_says_so()
    {
        await using var model = await models.LoadAsync(s_plain);
        await using var session = model.CreateSession(new SessionOptions { ContextLength = 256, BatchSize = 64, Threads = 1 });
        var refused = await Assert.ThrowsAsync<PromptTooLongException>(() => Text(session, new string('x', 5000), Ask(Adaptation.Base)));
        Assert.Contains("256", refused.Message, StringComparison.Ordinal);
        Assert.NotEmpty(await Text(session, "short", Ask(Adaptation.Base)));
    }

    [Fact]
    public async Task An_answer_stops_at_the_end_of_the_context()
    {
        await using var model = await models.LoadAsync(s_plain);
        await using var session = model.CreateSession(new SessionOptions { ContextLength = 256, BatchSize = 64, Threads = 1 });
        await Text(session, "Go on", Ask(Adaptation.Base) with { MaxTokens = -1, Sampling = new() { Temperature = 1, Seed = 3 } });
        var report = session.LastReport!;
        if (report.StopReason != StopReason.EndOfGeneration)
        {
            Assert.Equal(StopReason.ContextFull, report.StopReason);
            Assert.Equal(session.ContextLength, report.PromptTokens + report.GeneratedTokens - 1);
        }
    }

    [Fact]
    public async Task A_session_answers_one_prompt_at_a_time()
    {
        await using var model = await models.LoadAsync(s_plain);
        await using var session = model.CreateSession(Options(new FixedDispatch(null)));
        await foreach (string _ in session.AskAsync("Go on", Ask(Adaptation.Base)))
        {
            await Assert.ThrowsAsync<InvalidOperationException>(() => Text(session, "And this?", Ask(Adaptation.Base)));
            break;
        }
    }

    [Fact]
    public async Task A_conversation_remembers()
    {
        await using var model = await models.LoadAsync(s_plain);
        await using var session = model.CreateSession(Options(new FixedDispatch(null)) with { KeepConversation = true });
        await Text(session, "My name is Ada.", Ask(Adaptation.Base));
        int first = session.LastReport!.PromptTokens;
        await Text(session, "My name is Ada.", Ask(Adaptation.Base));
        Assert.True(session.LastReport!.PromptTokens > 2 * first);
        session.ClearConversation();
        await Text(session, "My name is Ada.", Ask(Adaptation.Base));
        Assert.Equal(first, session.LastReport!.PromptTokens);
    }

    [Fact]
    public async Task A_broken_file_is_refused_before_llama_cpp_sees_it()
    {
        string path = models.File("broken.gguf");
        byte[] bytes = await File.ReadAllBytesAsync(models.Model("F16"));
        await File.WriteAllBytesAsync(path, bytes[..(bytes.Length / 2)]);
        var refused = await Assert.ThrowsAsync<GgufException>(() => AdaptiveModel.LoadAsync(path));
        Assert.Contains(path, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_abandoned_model_cannot_be_asked()
    {
        var model = await models.LoadAsync(s_plain);
        await using var session = model.CreateSession(Options(new FixedDispatch(null)));
        await model.DisposeAsync();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => Text(session, "Go on", Ask(Adaptation.Base)));
    }

    private static SessionOptions Options(IDispatchStrategy dispatch) => new() { ContextLength = 512, BatchSize = 128, Threads = 1, Dispatch = dispatch };

    private static AskOptions Ask(Adaptation adaptation) => new() { Adaptation = adaptation, MaxTokens = 16, Sampling = s_greedy };

    private static async Task<string> Text(AdaptiveSession session, string prompt, AskOptions options)
    {
        var text = new System.Text.StringBuilder();
        await foreach (string piece in session.AskAsync(prompt, options))
            text.Append(piece);
        return text.ToString();
    }

    /// <summary>Decides what it was told to.</summary>
    private sealed class FixedDispatch(string? expert) : IDispatchStrategy
    {
        public string Name => "fixed";

        public DispatchDecision Decide(IDispatchReader reader, string question, IReadOnlyList<ExpertLabel> labels, CancellationToken cancellation) =>
            new(expert, 1, [], 0, "fixed");
    }

    /// <summary>Progress told on the reporting thread; <see cref="Progress{T}"/> would post it elsewhere.</summary>
    private sealed class Immediate(Action<StageReport> told) : IProgress<StageReport>
    {
        public void Report(StageReport value) => told(value);
    }
}
