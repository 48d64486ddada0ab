using T2.Llama;

namespace T2.Runtime.Tests.Dispatch;

[Collection(ModelCollection.Name)]
public sealed class KeptPrefixTests(ModelFixture models)
{
    private static readonly Loading s_plain = new("F16", LlamaLoadMode.Mmap, false);
    private static readonly ExpertLabel[] s_labels = [new("math", "sums and products"), new("code", "programs"), new("a label of many tokens", null)];

    [Fact]
    public async Task A_second_question_costs_only_its_own_tokens()
    {
        await using var model = await models.LoadAsync(s_plain);
        using var context = Context(model);
        var kept = new KeptPrefixes();
        var reader = new DispatchReader(context, ChatFormat.Plain, kept);
        var first = new ScoredChoiceDispatch().Decide(reader, "How much is it?", s_labels, CancellationToken.None);
        var again = new ScoredChoiceDispatch().Decide(reader, "How much is it?", s_labels, CancellationToken.None);

        int instruction = kept.TokensOf(model.Native, ChatFormat.Plain, DispatchPrompt.SystemMessage(s_labels)).Length;
        Assert.True(instruction > 60, $"The instruction has {instruction} tokens.");
        Assert.Equal(first.Tokens, again.Tokens + instruction);
        string prompt = ChatFormat.Plain.Render(model.Native, [new("system", DispatchPrompt.SystemMessage(s_labels)), new("user", "How much is it?")]);
        int[][] texts = [.. s_labels.Append(new("other", null)).Select(label => PromptTokens.Of(model.Native, prompt + DispatchPrompt.Answer(label.Name)))];
        int shared = texts.Min(text => text.AsSpan().CommonPrefixLength(texts[0]));
        Assert.Equal(shared - instruction + texts.Sum(text => text.Length - shared - 1), again.Tokens);
        // What was put back equals what was decoded, bit for bit.
        Assert.Equal(first.Scores, again.Scores);
    }

    [Fact]
    public async Task What_was_kept_under_other_weights_is_not_used()
    {
        await using var model = await models.LoadAsync(s_plain);
        var z = TestModels.RandomExpert(model, "cls", 3);
        using var context = Context(model);
        var reader = new DispatchReader(context, ChatFormat.Plain, new KeptPrefixes());
        DispatchDecision Decide(DispatchReader from) => new ScoredChoiceDispatch().Decide(from, "How much is it?", s_labels, CancellationToken.None);

        var onBase = Decide(reader);
        await model.ApplyAsync(z);
        var underZ = Decide(reader);
        Assert.Equal(onBase.Tokens, underZ.Tokens);
        using var fresh = Context(model);
        Assert.Equal(Decide(new DispatchReader(fresh, ChatFormat.Plain)).Scores, underZ.Scores);
        Assert.NotEqual(onBase.Scores, underZ.Scores);

        // Back on the base, the base's own copy is good again: every reset gives the same weights.
        await model.ResetAsync();
        var back = Decide(reader);
        Assert.True(back.Tokens < onBase.Tokens);
        Assert.Equal(onBase.Scores, back.Scores);
    }

    [Fact]
    public async Task Many_questions_at_once_are_scored_like_each_alone()
    {
        await using var model = await models.LoadAsync(s_plain);
        string[] questions = [.. Enumerable.Range(0, 9).Select(static index => $"Question {index}: {new string('x', 3 * index)}?")];
        using var context = TestModels.NewContext(model, sequences: 16, contextLength: 1024);
        var reader = new DispatchReader(context, ChatFormat.Plain);
        var together = new ScoredChoiceDispatch().DecideAll(reader, questions, s_labels, CancellationToken.None);
        for (int index = 0; index < questions.Length; index++)
        {
            var alone = new ScoredChoiceDispatch().Decide(reader, questions[index], s_labels, CancellationToken.None);
            foreach (var score in alone.Scores)
                Assert.Equal(score.Probability, together[index].Scores.Single(other => other.Label == score.Label).Probability, 2e-3);
            Assert.Equal(alone.Tokens, index == 0 ? together[0].Tokens - Instruction(model) : together[index].Tokens);
        }
    }

    private static int Instruction(AdaptiveModel model) => new KeptPrefixes().TokensOf(model.Native, ChatFormat.Plain, DispatchPrompt.SystemMessage(s_labels)).Length;

    private static AdaptedContext Context(AdaptiveModel model) => TestModels.NewContext(model, sequences: 8, contextLength: 512);
}
