using T2.Llama;
using T2.TestKit;

namespace T2.Runtime.Tests.Session;

[Collection(ModelCollection.Name)]
public sealed class BatchGeneratorTests(ModelFixture models)
{
    private static readonly Loading s_plain = new("F16", LlamaLoadMode.Mmap, false);
    private static readonly LlamaSamplingOptions s_softmax = new() { Temperature = 1, TopK = 0, TopP = 1, MinP = 0 };
    private static readonly BatchOptions s_options = new() { Sequences = 5, ContextLength = 96, BatchSize = 48, Threads = 1, Format = ChatFormat.Plain };

    private static readonly string[] s_stories =
    [
        "Once upon a time", "Once upon a time, there was a little girl named Lily. She", "The dog", "One day, Tom and his mom", "A bird sat in a tree and",
        "Once upon a time, there was a big", "Ben likes to play", "It was raining", "Lily and Ben are friends. They", "Mom said", "The sun was", "Once upon a",
    ];

    [SkippableTheory]
    [InlineData("stories260K-f16.gguf")]
    [InlineData("stories260Ktok512.gguf")]
    [InlineData("tiny1m-f16.gguf")]
    [InlineData("tiny1m-q8_0.gguf")]
    public async Task Greedy_answers_are_those_of_a_session(string file)
    {
        string? path = SharedModels.TryFind(file);
        Skip.If(path is null, SharedModels.Missing);
        await using var model = await AdaptiveModel.LoadAsync(path!, new ModelOptions { Repack = false, AdaptationThreads = 1 });
        await using var generator = new BatchGenerator(model, s_options);
        await using var session = model.CreateSession(new SessionOptions { ContextLength = 96, Threads = 1, Format = ChatFormat.Plain });

        var answers = await All(generator, s_stories.Select((story, index) => new BatchRequest(story) { MaxTokens = 8 + index }));
        for (int index = 0; index < s_stories.Length; index++)
        {
            string expected = "";
            var options = new AskOptions { Adaptation = Adaptation.Base, MaxTokens = 8 + index, Sampling = LlamaSamplingOptions.Greedy };
            await foreach (string piece in session.AskAsync(s_stories[index], options))
                expected += piece;
            Assert.Equal(expected, answers[index].Text);
        }
    }

    [Fact]
    public async Task Requests_that_share_a_beginning_compute_it_once_and_answer_the_same()
    {
        await using var model = await models.LoadAsync(s_plain);
        await using var generator = new BatchGenerator(model, s_options);
        await using var alone = new BatchGenerator(model, s_options) { SharesPrefixes = false };
        int[] head = [1, .. Enumerable.Range(40, 20)];
        var requests = Enumerable.Range(0, 23)
            .Select(index => Tokens([.. head, .. Enumerable.Range(0, 1 + (index % 4)).Select(token => 60 + index - token)]) with { Sampling = s_softmax, Seed = (ulong)index })
            .ToArray();

        var shared = await All(generator, requests);
        // All but the first share the head, and some a token or two more.
        Assert.InRange(generator.LastReport!.SharedTokens, 22 * head.Length, 22 * (head.Length + 3));
        var expected = await All(alone, requests);
        Assert.Equal(0, alone.LastReport!.SharedTokens);
        for (int index = 0; index < requests.Length; index++)
            Assert.Equal(expected[index].Tokens, shared[index].Tokens);
    }

    [Fact]
    public async Task An_answer_does_not_depend_on_its_neighbours_or_on_earlier_calls()
    {
        await using var model = await models.LoadAsync(s_plain);
        await using var generator = new BatchGenerator(model, s_options);
        var asked = Tokens(1, 50, 60, 70) with { Sampling = s_softmax, Seed = 11, MaxTokens = 24 };
        var alone = (await All(generator, [asked]))[0];
        var others = Enumerable.Range(0, 12).Select(index => Tokens(1, 50 + index, 61) with { Sampling = s_softmax, Seed = 100 + (ulong)index, MaxTokens = 1 + index }).ToArray();
        var among = (await All(generator, [.. others[..6], asked, .. others[6..]]))[6];
        Assert.Equal(alone.Tokens, among.Tokens);
        Assert.NotEqual(alone.Tokens, (await All(generator, [asked with { Seed = 12 }]))[0].Tokens);
    }

    [Fact]
    public async Task Each_expert_answers_with_its_own_weights_and_never_from_a_stale_cache()
    {
        await using var model = await models.LoadAsync(s_plain);
        var expert = TestModels.RandomExpert(model, "math", 1);
        await using var generator = new BatchGenerator(model, s_options);
        var requests = Enumerable.Range(0, 7).Select(index => Tokens(1, 7, 42 + index)).ToArray();

        var onBase = await All(generator, requests);
        var onExpert = await All(generator, requests, expert);
        Assert.Equal("math", model.CurrentExpert!.Name);
        Assert.NotEqual(onBase.Select(static answer => answer.Text), onExpert.Select(static answer => answer.Text));

        await using var fresh = await models.LoadAsync(s_plain);
        await fresh.ApplyAsync(expert);
        await using var other = new BatchGenerator(fresh, s_options);
        Assert.Equal(onExpert.Select(static answer => answer.Text), (await All(other, requests, expert)).Select(static answer => answer.Text));
        Assert.Equal(onBase.Select(static answer => answer.Text), (await All(generator, requests)).Select(static answer => answer.Text));
        Assert.Null(model.CurrentExpert);
    }

    [Fact]
    public async Task A_request_that_cannot_run_is_answered_with_an_error_and_stops_no_other()
    {
        await using var model = await models.LoadAsync(s_plain);
        await using var generator = new BatchGenerator(model, s_options);
        var answers = await All(generator,
        [
            Tokens(1, 7, 42),
            Tokens([.. Enumerable.Repeat(50, 96)]),
            Tokens(),
            Tokens(1, 1 << 20),
            new BatchRequest("x") { Sampling = new() { Grammar = "root ::= (" } },
            new BatchRequest("x") { Sampling = new() { TopP = 2 } },
            Tokens(1, 7, 42),
        ]);
        Assert.Equal(7, answers.Length);
        Assert.Null(answers[0].Error);
        Assert.Contains("takes 96 tokens, the context holds 96", answers[1].Error, StringComparison.Ordinal);
        Assert.Contains("empty", answers[2].Error, StringComparison.Ordinal);
        Assert.Contains("Token 1048576", answers[3].Error, StringComparison.Ordinal);
        Assert.Contains("grammar", answers[4].Error, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("TopP", answers[5].Error, StringComparison.Ordinal);
        Assert.Equal(answers[0].Tokens, answers[6].Tokens);
    }

    [Theory]
    [InlineData(0f)]
    [InlineData(1f)]
    [InlineData(0.8f)]
    public async Task Broken_logits_are_an_error_and_equal_ones_choose_the_first(float temperature)
    {
        await using var model = await models.LoadAsync(s_plain);
        var request = new BatchRequest("x") { Sampling = s_softmax with { Temperature = temperature, TopK = temperature == 0.8f ? 40 : 0 } };
        float[] logits = new float[model.Native.VocabularySize];
        using var sampler = TokenSampler.Create(model.Native, request, new float[logits.Length]);
        for (int at = 0; at < logits.Length; at += 7)
        {
            logits.AsSpan().Fill(-50);
            logits[at] = 30;
            Assert.Equal(at, sampler.Sample(logits));
            logits[^1] = 30;
            if (temperature == 0)
                Assert.Equal(at, sampler.Sample(logits));
            logits[at] = float.NaN;
            Assert.Throws<LlamaException>(() => sampler.Sample(logits));
            logits[at] = float.PositiveInfinity;
            Assert.Throws<LlamaException>(() => sampler.Sample(logits));
        }
        logits.AsSpan().Fill(float.NegativeInfinity);
        Assert.Throws<LlamaException>(() => sampler.Sample(logits));
    }

    [Fact]
    public async Task Answers_end_at_their_limit_at_the_contexts_end_or_when_the_model_says_so()
    {
        await using var model = await models.LoadAsync(s_plain);
        await using var generator = new BatchGenerator(model, s_options);
        var answers = await All(generator,
        [
            Tokens(1, 7, 42) with { MaxTokens = 5 },
            Tokens(1, 7, 42) with { MaxTokens = 0 },
            Tokens([.. Enumerable.Repeat(50, 90)]) with { MaxTokens = -1, Sampling = LlamaSamplingOptions.Greedy with { Grammar = "root ::= [a-z]+" } },
            Tokens(1, 7, 42) with { MaxTokens = 50, Sampling = LlamaSamplingOptions.Greedy with { Grammar = "root ::= \"ab\"" } },
        ]);
        Assert.Equal((BatchAnswer.Length, 5), (answers[0].FinishReason, answers[0].Tokens.Count));
        Assert.Equal((BatchAnswer.Length, 0), (answers[1].FinishReason, answers[1].Tokens.Count));
        Assert.Equal((BatchAnswer.Context, 7), (answers[2].FinishReason, answers[2].Tokens.Count));
        Assert.Equal((BatchAnswer.Stop, "ab"), (answers[3].FinishReason, answers[3].Text));
        Assert.True(generator.EndsGeneration(answers[3].Tokens[^1]), "The token that ended the answer is part of its tokens.");
    }

    [Fact]
    public async Task Softmax_sampling_draws_tokens_as_often_as_they_are_likely()
    {
        await using var model = await models.LoadAsync(s_plain);
        float[] logits = TestModels.Logits(model);
        float max = logits.Max();
        double total = logits.Sum(logit => Math.Exp((logit - max) / 0.5));
        int best = Array.IndexOf(logits, max);
        double expected = 1 / total;
        await using var generator = new BatchGenerator(model, s_options);
        const int Draws = 600;
        var requests = Enumerable.Range(0, Draws)
            .Select(seed => Tokens(TestModels.Prompt) with { MaxTokens = 1, Seed = (ulong)seed, Sampling = s_softmax with { Temperature = 0.5f } });
        double share = (double)(await All(generator, requests)).Count(answer => answer.Tokens[0] == best) / Draws;
        Assert.InRange(share, expected - (4.5 * Math.Sqrt(expected / Draws)), expected + (4.5 * Math.Sqrt(expected / Draws)));
    }

    [Fact]
    public async Task Cancelling_or_leaving_early_stops_and_the_generator_serves_on()
    {
        await using var model = await models.LoadAsync(s_plain);
        await using var generator = new BatchGenerator(model, s_options);
        using var stop = new CancellationTokenSource();
        var endless = Enumerable.Range(0, int.MaxValue).Select(index => Tokens(1, 7, 42 + (index % 50)));
        int seen = 0;
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (var _ in generator.GenerateAsync(endless, null, stop.Token))
            {
                if (++seen == 20)
                    await stop.CancelAsync();
            }
        });
        await foreach (var _ in generator.GenerateAsync(endless, null))
            break;
        Assert.Equal(2, (await All(generator, [Tokens(1, 7), Tokens(1, 8)])).Length);
        Assert.Equal(1, model.Gate.CurrentCount);
    }

    [Fact]
    public async Task Only_one_call_at_a_time_and_options_out_of_range_are_refused()
    {
        await using var model = await models.LoadAsync(s_plain);
        Assert.Throws<ArgumentOutOfRangeException>(() => new BatchGenerator(model, s_options with { Sequences = 0 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => new BatchGenerator(model, s_options with { Sequences = 100_000 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => new BatchGenerator(model, s_options with { BatchSize = 2 }));
        await using var generator = new BatchGenerator(model, s_options);
        await using var running = generator.GenerateAsync([Tokens(1, 7), Tokens(1, 8)], null).GetAsyncEnumerator();
        await running.MoveNextAsync();
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await All(generator, [Tokens(1, 7)]));
    }

    private static BatchRequest Tokens(params int[] tokens) => new("") { PromptTokens = tokens, MaxTokens = 12 };

    private static async Task<BatchAnswer[]> All(BatchGenerator generator, IEnumerable<BatchRequest> requests, T2.Gguf.Experts.Expert? expert = null)
    {
        var answers = new List<BatchAnswer>();
        await foreach (var answer in generator.GenerateAsync(requests, expert))
            answers.Add(answer);
        return [.. answers.OrderBy(static answer => answer.Index)];
    }
}
