using T2.TestKit;

namespace T2.Llama.Tests;

/// <summary>What needs weights but not good ones, on models made here, so that it runs where the shared models are absent.</summary>
public sealed class BindingOnSyntheticModelsTests(BindingOnSyntheticModelsTests.Files files) : IClassFixture<BindingOnSyntheticModelsTests.Files>
{
    private const string Text = "The small blue fox, été 🦙";

    [Theory]
    [InlineData("tiny256", LlamaVocabularyKind.SentencePiece, "llama")]
    [InlineData("tiny-qwen2", LlamaVocabularyKind.BytePair, "qwen2")]
    public void A_model_tells_what_it_is(string name, LlamaVocabularyKind kind, string architecture)
    {
        using LlamaModel model = files.Load(name);
        Assert.Equal((2, 256, 4, 2), (model.LayerCount, model.EmbeddingLength, model.HeadCount, model.HeadCountKv));
        Assert.Equal(512, model.ContextLength);
        Assert.Equal(kind, model.Vocabulary.Kind);
        Assert.Equal(architecture, model.MetadataValue("general.architecture"));
        Assert.Contains("<|im_start|>", model.ChatTemplate, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("tiny256")]
    [InlineData("tiny-qwen2")]
    public void Text_and_chat_survive_tokens(string name)
    {
        using LlamaModel model = files.Load(name);
        LlamaVocabulary vocabulary = model.Vocabulary;
        Assert.Equal(Text, vocabulary.Detokenize(vocabulary.Tokenize(Text, addSpecial: false)).TrimStart(' '));

        string? prompt = LlamaChat.Apply(model.ChatTemplate!, [new("user", Text)], addAssistant: true);
        int[] tokens = vocabulary.Tokenize(prompt!, addSpecial: false, parseSpecial: true);
        Assert.Equal(2, tokens.Count(token => vocabulary.Detokenize([token], special: true) == "<|im_start|>"));
        Assert.Contains(tokens, vocabulary.IsEndOfGeneration);
        Assert.DoesNotContain(vocabulary.Tokenize(prompt!, addSpecial: false), vocabulary.IsEndOfGeneration);
    }

    [Theory]
    [InlineData("tiny256", "f32")]
    [InlineData("tiny256", "q8_0")]
    [InlineData("tiny-qwen2", "q4_k_m")]
    public void A_batch_and_single_tokens_give_the_same_logits(string name, string type)
    {
        using LlamaModel model = files.Load(name, type);
        using LlamaContext context = LlamaContext.Create(model, Models.SmallContext);
        float[] together = Models.LastLogits(context, Text);
        context.ClearMemory();
        var batch = new LlamaBatch(1);
        int position = 0;
        foreach (int token in model.Vocabulary.Tokenize(Text, addSpecial: true))
        {
            batch.Clear();
            batch.Add(token, position++, wantsLogits: true);
            context.Decode(batch);
        }

        ReadOnlySpan<float> single = context.Logits(0);
        double scale = together.Max(Math.Abs);
        for (int i = 0; i < together.Length; i++)
            Assert.Equal(together[i], single[i], 0.02 * scale);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Copied_sequences_continue_alike(bool unified)
    {
        using LlamaModel model = files.Load("tiny256");
        using LlamaContext context = LlamaContext.Create(model, Models.SmallContext with { MaxSequences = 2, UnifiedKv = unified });
        Models.LastLogits(context, Text);
        int end = context.SequenceEnd(0);
        context.SequenceCopy(0, 1);
        var batch = new LlamaBatch(2);
        batch.Add(7, end + 1, 0, wantsLogits: true);
        batch.Add(7, end + 1, 1, wantsLogits: true);
        context.Decode(batch);
        float[] first = context.Logits(0).ToArray();
        ReadOnlySpan<float> second = context.Logits(1);
        for (int i = 0; i < first.Length; i++)
            Assert.Equal(first[i], second[i], 1e-3f);
        context.SequenceKeep(1);
        Assert.Equal((-1, end + 1), (context.SequenceEnd(0), context.SequenceEnd(1)));
    }

    [Theory]
    [InlineData("tiny256")]
    [InlineData("tiny-qwen2")]
    public void Sampling_follows_its_seed_and_its_grammar(string name)
    {
        using LlamaModel model = files.Load(name);
        var options = new LlamaSamplingOptions { Temperature = 1.5f, TopK = 0, TopP = 1, MinP = 0, Seed = 11 };
        int[] first = Run(options);
        Assert.Equal(first, Run(options));
        Assert.NotEqual(first, Run(options with { Seed = 12 }));
        int[] digits = Run(options with { Grammar = "root ::= [0-9]{4}" });
        Assert.Matches("^[0-9]{4}$", model.Vocabulary.Detokenize(digits));

        int[] Run(LlamaSamplingOptions options)
        {
            using var sampler = new LlamaSampler(model, options);
            return Models.Generate(model, sampler, Text, 16);
        }
    }

    [Fact]
    public void A_context_outlives_the_disposal_of_its_model()
    {
        LlamaModel model = files.Load("tiny256");
        using LlamaContext context = LlamaContext.Create(model, Models.SmallContext);
        float[] before = Models.LastLogits(context, Text);
        model.Dispose();
        context.ClearMemory();
        Assert.Equal(before, Models.LastLogits(context, Text));
        context.Dispose();
        Assert.True(model.Handle.IsClosed);
    }

    [Fact]
    public void A_truncated_file_is_refused()
    {
        byte[] whole = File.ReadAllBytes(files.Path("tiny256", "f32"));
        string path = files.Folder.File("truncated.gguf");
        File.WriteAllBytes(path, whole[..(whole.Length / 2)]);
        LlamaException e = Assert.Throws<LlamaException>(() => LlamaModel.Load(path));
        Assert.Contains("not within the file bounds", e.Message, StringComparison.Ordinal);
    }

    /// <summary>Writes each model once for all tests of the class.</summary>
    public sealed class Files : IDisposable
    {
        public TempFolder Folder { get; } = new();

        public string Path(string name, string type)
        {
            string path = Folder.File($"{name}-{type}.gguf");
            if (!File.Exists(path))
                SyntheticModel.Write(path, SyntheticModelSpec.Presets[name].WithType(type));
            return path;
        }

        public LlamaModel Load(string name, string type = "f32") => LlamaModel.Load(Path(name, type));

        public void Dispose() => Folder.Dispose();
    }
}
