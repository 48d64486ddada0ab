namespace T2.Runtime.Tests.Dispatch;

[Collection(ModelCollection.Name)]
public sealed class ScoredChoiceTests(ModelFixture models)
{
    private static readonly string[] s_names = ["math", "code", "other"];

    [Fact]
    public void The_likeliest_label_wins_when_it_is_sure_enough()
    {
        var decision = ScoredChoiceDispatch.Choose(s_names, [-1, -9, -8], 0.5, 10);
        Assert.Equal("math", decision.Expert);
        Assert.InRange(decision.Confidence, 0.99, 1);
        Assert.Equal(["math", "other", "code"], decision.Scores.Select(static score => score.Label));
        Assert.Equal(1, decision.Scores.Sum(static score => score.Probability), 12);
    }

    [Theory]
    [InlineData(-1.0, -1.1, -1.2)]
    [InlineData(double.NaN, -1.1, -1.2)]
    [InlineData(-9.0, -9.0, -1.0)]
    public void Unsure_and_other_and_nonsense_mean_the_base(double math, double code, double other) =>
        Assert.Null(ScoredChoiceDispatch.Choose(s_names, [math, code, other], 0.5, 10).Expert);

    [Fact]
    public async Task Scoring_many_labels_in_one_batch_equals_scoring_each_alone()
    {
        await using var model = await models.LoadAsync(new Loading("F16", T2.Llama.LlamaLoadMode.Mmap, false));
        // More labels than sequences, labels that begin each other, one token and many tokens.
        string[] labels = ["a}", "ab}", "abc}", "math}", "mathematics}", "code}", "other}", "x", "a long label of many tokens}", "b}", "c}"];
        const string Prompt = "Say which it is: \\boxed{";
        using var together = TestModels.NewContext(model, sequences: 4);
        double[] scores = new DispatchReader(together, ChatFormat.Plain).Score(Prompt, labels, CancellationToken.None, out int tokens);

        using var alone = TestModels.NewContext(model);
        for (int index = 0; index < labels.Length; index++)
            Assert.Equal(ScoreAlone(model, alone, Prompt, labels[index], labels), scores[index], 1e-3);
        Assert.True(tokens > labels.Length);
        Assert.True(scores.Distinct().Count() > labels.Length / 2, "The scores do not tell the labels apart.");
    }

    [Fact]
    public async Task Scoring_repeats_bit_for_bit()
    {
        await using var model = await models.LoadAsync(new Loading("F16", T2.Llama.LlamaLoadMode.Mmap, false));
        using var context = TestModels.NewContext(model, sequences: 8);
        var reader = new DispatchReader(context, ChatFormat.Plain);
        double[] first = reader.Score("Which? ", ["math}", "code}"], CancellationToken.None, out _);
        reader.Score("Something else entirely, and longer. ", ["one}", "two}"], CancellationToken.None, out _);
        Assert.Equal(first, reader.Score("Which? ", ["math}", "code}"], CancellationToken.None, out _));
    }

    [Theory]
    [InlineData("I think \\boxed{Math}.", "math")]
    [InlineData("\\boxed{code} no, \\boxed{ math }", "math")]
    [InlineData("\\boxed{other}", null)]
    [InlineData("\\boxed{cooking}", null)]
    [InlineData("math", null)]
    [InlineData("\\boxed{math", null)]
    [InlineData("", null)]
    public void A_generated_label_is_read_from_its_box(string answer, string? expected) =>
        Assert.Equal(expected, GeneratedLabelDispatch.Parse(answer, [new("math", null), new("code", null)], 5).Expert);

    [Fact]
    public void The_instruction_names_every_expert_and_other()
    {
        string text = DispatchPrompt.SystemMessage([new("math", "sums"), new("poetry", null)]);
        Assert.Contains("- math: sums\n", text, StringComparison.Ordinal);
        Assert.Contains("- poetry\n", text, StringComparison.Ordinal);
        Assert.Contains("- other", text, StringComparison.Ordinal);
    }

    /// <summary>The definition, without sharing or batching: decode the whole text and add up log p of each token past what all labels share.</summary>
    private static double ScoreAlone(AdaptiveModel model, AdaptedContext context, string prompt, string label, string[] labels)
    {
        int[] text = PromptTokens.Of(model.Native, prompt + label);
        int shared = labels.Min(other => text.AsSpan().CommonPrefixLength(PromptTokens.Of(model.Native, prompt + other)));
        shared = Math.Min(shared, labels.Min(other => PromptTokens.Of(model.Native, prompt + other).Length) - 1);
        double score = 0;
        for (int position = shared; position < text.Length; position++)
        {
            context.Begin();
            int last = context.Prefill(text.AsSpan(0, position), 0, CancellationToken.None);
            score += DispatchReader.LogProbability(context.Logits(last), text[position]);
        }
        return score;
    }
}
