using System.Text;
using T2.TestKit;

namespace T2.Llama.Tests.TestKit;

public sealed class SyntheticModelTests
{
    /// <summary>One preset in every type, the others in the types that differ in how llama.cpp computes with them.</summary>
    public static IEnumerable<object[]> TinyModels =>
    [
        .. new[] { "f32", "f16", "bf16", "q4_0", "q4_1", "q5_0", "q5_1", "q8_0", "q2_k", "q3_k", "q4_k", "q5_k", "q6_k", "q4_k_m" }
            .Select(static type => new object[] { "tiny256", type }),
        .. from preset in new[] { "tiny256-untied", "tiny-fused-qkv", "tiny-qwen2" }
           from type in new[] { "f32", "f16", "bf16", "q4_0", "q8_0", "q4_k_m" }
           select new object[] { preset, type },
    ];

    [Theory]
    [MemberData(nameof(TinyModels))]
    public void Llama_cpp_runs_every_tiny_model(string preset, string type)
    {
        using var folder = new TempFolder();
        using var model = Write(folder, SyntheticModelSpec.Presets[preset].WithType(type));

        var first = LogitsAfter(model, "Once upon a time");
        var second = LogitsAfter(model, "what is the answer?");

        Assert.Equal(model.VocabularySize, first.Length);
        Assert.All(first, static logit => Assert.True(float.IsFinite(logit)));
        // Spread as in a trained model: not flat, not saturated; and the prompt decides which token is likeliest.
        Assert.InRange(Deviation(first), 2, 8);
        Assert.True(Correlation(first, second) < 0.9, "Two prompts give nearly the same logits.");
    }

    [Theory]
    [InlineData("f16", 0.01)]
    [InlineData("bf16", 0.05)]
    [InlineData("q8_0", 0.05)]
    [InlineData("q4_k_m", 0.5)]
    public void A_quantised_model_is_close_to_the_model_it_stands_for(string type, double tolerance)
    {
        using var folder = new TempFolder();
        using var exact = Write(folder, SyntheticModelSpec.Tiny256);
        using var rounded = Write(folder, SyntheticModelSpec.Tiny256.WithType(type));

        var expected = LogitsAfter(exact, "Once upon a time");
        var actual = LogitsAfter(rounded, "Once upon a time");

        var error = Deviation([.. expected.Zip(actual, static (a, b) => a - b)]) / Deviation(expected);
        Assert.InRange(error, 1e-6, tolerance);
    }

    [Theory]
    [InlineData(VocabularyKind.Spm, "Once upon a time, what is 17 * 23?")]
    [InlineData(VocabularyKind.Spm, "naïve – 日本語 😀\n\ttabs  and  spaces")]
    [InlineData(VocabularyKind.Qwen2, "Once upon a time, what is 17 * 23?")]
    [InlineData(VocabularyKind.Qwen2, "naïve – 日本語 😀\n\ttabs  and  spaces")]
    [InlineData(VocabularyKind.Llama3, "Once upon a time, what is 17 * 23?")]
    [InlineData(VocabularyKind.Llama3, "naïve – 日本語 😀\n\ttabs  and  spaces")]
    public void Any_text_survives_the_tokenizer(VocabularyKind kind, string text)
    {
        using var folder = new TempFolder();
        using var model = Write(folder, SyntheticModelSpec.Tiny256 with { Vocabulary = kind });

        var tokens = model.Vocabulary.Tokenize(text, addSpecial: false);
        var bytes = tokens.SelectMany(token => model.Vocabulary.TokenToPiece(token)).ToArray();

        // SentencePiece writes the space it puts in front of every text.
        Assert.Equal(kind == VocabularyKind.Spm ? " " + text : text, Encoding.UTF8.GetString(bytes));
        // Words count: it is not one token a byte.
        Assert.True(tokens.Length < Encoding.UTF8.GetByteCount(text));
    }

    [Theory]
    [InlineData(VocabularyKind.Spm)]
    [InlineData(VocabularyKind.Qwen2)]
    [InlineData(VocabularyKind.Llama3)]
    public void Every_byte_that_occurs_in_utf8_has_a_token(VocabularyKind kind)
    {
        using var folder = new TempFolder();
        using var model = Write(folder, SyntheticModelSpec.Tiny256 with { Vocabulary = kind });
        // ASCII, then each continuation byte, then each byte that leads two, three or four.
        var ranges = Enumerable.Range(1, 0x7F)
            .Concat(Enumerable.Range(0xC0, 0x40))
            .Concat(Enumerable.Range(2, 0x1E).Select(static lead => lead << 6))
            .Concat(Enumerable.Range(1, 0xF).Where(static lead => lead != 0xD).Select(static lead => lead << 12))
            .Append(0x800)
            .Append(0xD000)
            .Concat(Enumerable.Range(0, 5).Select(static lead => Math.Max(0x10000, lead << 18)));
        var text = string.Concat(ranges.Select(char.ConvertFromUtf32));

        var bytes = model.Vocabulary.Tokenize(text, addSpecial: false).SelectMany(token => model.Vocabulary.TokenToPiece(token)).ToArray();

        Assert.Equal(kind == VocabularyKind.Spm ? " " + text : text, Encoding.UTF8.GetString(bytes));
    }

    [Theory]
    [InlineData(VocabularyKind.Spm, "<|im_start|>", "<s>")]
    [InlineData(VocabularyKind.Qwen2, "<|im_start|>", null)]
    [InlineData(VocabularyKind.Llama3, "<|start_header_id|>", "<|begin_of_text|>")]
    public void Markers_of_the_chat_are_control_tokens(VocabularyKind kind, string marker, string? first)
    {
        using var folder = new TempFolder();
        using var model = Write(folder, SyntheticModelSpec.Tiny256 with { Vocabulary = kind });

        var tokens = model.Vocabulary.Tokenize(marker, addSpecial: true, parseSpecial: true);

        string[] expected = first is null ? [marker] : [first, marker];
        Assert.Equal(expected, tokens.Select(token => Encoding.UTF8.GetString(model.Vocabulary.TokenToPiece(token, special: true))));
        Assert.All(tokens, token => Assert.True(model.Vocabulary.IsControl(token)));
    }

    [Theory]
    [InlineData(VocabularyKind.Qwen2, "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n")]
    [InlineData(VocabularyKind.Llama3, "<|start_header_id|>user<|end_header_id|>\n\nhi<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n")]
    public void Llama_cpp_recognises_the_chat_template(VocabularyKind kind, string expected)
    {
        using var folder = new TempFolder();
        using var model = Write(folder, SyntheticModelSpec.Tiny256 with
        {
            Vocabulary = kind,
            ChatTemplate = kind == VocabularyKind.Llama3 ? ChatTemplates.Llama3 : ChatTemplates.ChatMl,
        });

        Assert.Equal(expected, LlamaChat.Apply(model.ChatTemplate!, [new LlamaChatMessage("user", "hi")], addAssistant: true));
    }

    [Fact]
    public void A_vocabulary_is_filled_to_its_size_with_words_one_can_read()
    {
        using var folder = new TempFolder();
        using var model = Write(folder, SyntheticModelSpec.TinyQwen2 with { VocabularySize = 1500 });

        Assert.Equal(1500, model.VocabularySize);
        Assert.Matches("^ [a-z]{6}$", Encoding.UTF8.GetString(model.Vocabulary.TokenToPiece(1499)));
    }

    private static LlamaModel Write(TempFolder folder, SyntheticModelSpec spec)
    {
        var path = folder.File(Guid.NewGuid() + ".gguf");
        SyntheticModel.Write(path, spec);
        return LlamaModel.Load(path);
    }

    private static float[] LogitsAfter(LlamaModel model, string prompt)
    {
        using var context = LlamaContext.Create(model, new LlamaContextOptions { ContextLength = 64, Threads = 1, BatchThreads = 1 });
        var tokens = model.Vocabulary.Tokenize(prompt, addSpecial: true);
        var batch = new LlamaBatch(tokens.Length);
        for (var i = 0; i < tokens.Length; i++)
            batch.Add(tokens[i], i, wantsLogits: i == tokens.Length - 1);
        context.Decode(batch);
        return context.Logits(tokens.Length - 1).ToArray();
    }

    private static double Deviation(float[] values)
    {
        var mean = values.Average(static x => (double)x);
        return Math.Sqrt(values.Average(x => (x - mean) * (x - mean)));
    }

    private static double Correlation(float[] a, float[] b)
    {
        var (meanA, meanB) = (a.Average(static x => (double)x), b.Average(static x => (double)x));
        return a.Zip(b, (x, y) => (x - meanA) * (y - meanB)).Average() / (Deviation(a) * Deviation(b));
    }
}
