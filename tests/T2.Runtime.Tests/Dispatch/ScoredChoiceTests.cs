using T2.Tasks;
using T2.TestKit;

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

    [Fact]
    public async Task The_bundled_model_decides_as_with_a_decode_for_the_question_and_one_for_the_labels()
    {
        string folder = Path.Combine(RepositoryRoot.Path, "models", "bundled");
        await using var model = await AdaptiveModel.LoadAsync(Path.Combine(folder, "t2-mini.gguf"));
        ExpertLabel[] labels = [.. Directory.GetFiles(Path.Combine(folder, "experts")).Order(StringComparer.Ordinal)
            .Select(T2.Gguf.Experts.Expert.Load).Where(static expert => !expert.IsClassifier).Select(static expert => new ExpertLabel(expert.Name, expert.Description))];
        string[] names = [.. labels.Select(static label => label.Name), ExpertLibrary.Other];
        using var context = TestModels.NewContext(model, sequences: 16, contextLength: 1024);
        using var other = TestModels.NewContext(model, sequences: 16, contextLength: 1024);
        var reader = new DispatchReader(context, ChatFormat.Auto);
        int[] instruction = new KeptPrefixes().TokensOf(model.Native, ChatFormat.Auto, DispatchPrompt.SystemMessage(labels));
        string[] questions = [.. TaskSet.Load(Path.Combine(folder, "tasks", "dispatch.jsonl")).Items.Take(25).Select(static item => item.Prompt)];
        var together = new ScoredChoiceDispatch().DecideAll(reader, questions, labels, CancellationToken.None);
        for (int index = 0; index < questions.Length; index++)
        {
            var decision = new ScoredChoiceDispatch().Decide(reader, questions[index], labels, CancellationToken.None);
            string prompt = reader.Render(DispatchPrompt.SystemMessage(labels), questions[index]) + DispatchPrompt.AnswerPrefix;
            var expected = ScoredChoiceDispatch.Choose(names, ScoreInTwoDecodes(model, other, instruction, prompt, names), 0.5, decision.Tokens);
            Assert.Equal(expected.Expert, decision.Expert);
            Assert.Equal(expected.Scores.Select(static score => score.Label), decision.Scores.Select(static score => score.Label));
            for (int label = 0; label < names.Length; label++)
            {
                Assert.Equal(expected.Scores[label].Probability, decision.Scores[label].Probability, 1e-5);
                Assert.Equal(expected.Scores[label].Probability, together[index].Scores.Single(score => score.Label == expected.Scores[label].Label).Probability, 1e-5);
            }
        }
        Assert.True(together.Select(static decision => decision.Expert).Distinct().Count() >= 5, "The questions do not tell the labels apart.");
    }

    [Fact]
    public async Task Broken_weights_leave_nothing_behind()
    {
        await using var model = await models.LoadAsync(new Loading("F16", T2.Llama.LlamaLoadMode.Mmap, false));
        int[] text = [.. Enumerable.Range(0, 100).Select(static index => 3 + 7 * index % 200)];
        using var context = TestModels.NewContext(model);
        float[] Logits(int length)
        {
            context.Begin();
            return context.Logits(context.Prefill(text.AsSpan(0, length), 0, CancellationToken.None)).ToArray();
        }
        float[] sound = Logits(70);
        await model.ApplyAsync(TestModels.ConstantExpert(model, "broken", 10000));
        Assert.False(float.IsFinite(Logits(100)[0]));
        await model.ResetAsync();
        TestModels.AssertSameBits(sound, Logits(70));
    }

    /// <summary>A decode for the instruction, one for the question and one for the labels, each text tokenized as a whole.</summary>
    private static double[] ScoreInTwoDecodes(AdaptiveModel model, AdaptedContext context, int[] instruction, string prompt, string[] names)
    {
        int[][] texts = [.. names.Select(name => PromptTokens.Of(model.Native, prompt + name + DispatchPrompt.AnswerSuffix))];
        int shared = texts.Min(text => text.AsSpan().CommonPrefixLength(texts[0]));
        var scores = new double[texts.Length];
        void Read(int index, int label, int token) => scores[label] += context.Logits(index)[token] - DispatchReader.LogTotal(context.Logits(index));
        context.Begin();
        context.Prefill(instruction, 0, CancellationToken.None);
        int last = context.Prefill(texts[0].AsSpan(instruction.Length, shared - instruction.Length), instruction.Length, CancellationToken.None);
        for (int label = 0; label < texts.Length; label++)
            Read(last, label, texts[label][shared]);
        context.EmptyBatch();
        var expected = new List<(int Label, int Token)>();
        for (int label = 0; label < texts.Length; label++)
        {
            context.Native.SequenceCopy(0, 1 + label);
            for (int position = shared; position < texts[label].Length - 1; position++)
            {
                expected.Add((label, texts[label][position + 1]));
                context.Add(texts[label][position], position, 1 + label, true);
            }
        }
        context.Decode(CancellationToken.None);
        for (int index = 0; index < expected.Count; index++)
            Read(index, expected[index].Label, expected[index].Token);
        return scores;
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
            score += context.Logits(last)[text[position]] - DispatchReader.LogTotal(context.Logits(last));
        }
        return score;
    }
}
