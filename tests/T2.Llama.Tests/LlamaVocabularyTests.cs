using System.Buffers;
using System.Text;

namespace T2.Llama.Tests;

public sealed class LlamaVocabularyTests
{
    [SkippableTheory]
    [InlineData("Once upon a time, there was a little girl named Lily.")]
    [InlineData("été à Köln — 日本語 🦙 \u0001\n\ttabs")]
    [InlineData(" leading and trailing ")]
    [InlineData("x")]
    public void Tokens_of_a_text_spell_it_again(string text)
    {
        using LlamaModel model = Models.Load(Models.Stories);
        int[] tokens = model.Vocabulary.Tokenize(text, addSpecial: false);
        // SentencePiece puts a space in front of every text.
        Assert.Equal(" " + text, model.Vocabulary.Detokenize(tokens));
        Assert.Equal(tokens, model.Vocabulary.Tokenize(Encoding.UTF8.GetBytes(text), addSpecial: false));
    }

    [SkippableFact]
    public void Special_tokens_are_those_of_the_file()
    {
        using LlamaModel model = Models.Load(Models.Stories);
        LlamaVocabulary vocabulary = model.Vocabulary;
        Assert.Equal((LlamaVocabularyKind.SentencePiece, 512), (vocabulary.Kind, vocabulary.Count));
        Assert.Equal((1, 2), (vocabulary.BeginningOfSequence, vocabulary.EndOfSequence));
        Assert.Null(vocabulary.EndOfTurn);
        Assert.Null(vocabulary.Padding);
        Assert.True(vocabulary.AddsBeginningOfSequence);
        Assert.False(vocabulary.AddsEndOfSequence);
        Assert.True(vocabulary.IsEndOfGeneration(2));
        Assert.False(vocabulary.IsEndOfGeneration(3));
        Assert.True(vocabulary.IsControl(1));
        Assert.False(vocabulary.IsControl(400));
    }

    [SkippableFact]
    public void Control_tokens_are_read_and_spelt_only_on_request()
    {
        using LlamaModel model = Models.Load(Models.Stories);
        LlamaVocabulary vocabulary = model.Vocabulary;
        Assert.Equal([2], vocabulary.Tokenize("</s>", addSpecial: false, parseSpecial: true));
        Assert.DoesNotContain(2, vocabulary.Tokenize("</s>", addSpecial: false));
        Assert.Equal("</s>"u8.ToArray(), vocabulary.TokenToPiece(2, special: true));
        Assert.Empty(vocabulary.TokenToPiece(2));
    }

    [SkippableFact]
    public void Empty_and_long_texts_tokenize()
    {
        using LlamaModel model = Models.Load(Models.Stories);
        Assert.Empty(model.Vocabulary.Tokenize("", addSpecial: false));
        Assert.Equal([1], model.Vocabulary.Tokenize("", addSpecial: true));
        string text = string.Concat(Enumerable.Repeat("Lily saw a big red ball. ", 400));
        Assert.Equal(" " + text, model.Vocabulary.Detokenize(model.Vocabulary.Tokenize(text, addSpecial: true)));
        Assert.NotEmpty(model.Vocabulary.Tokenize([0xFF, 0xC3, 0x28], addSpecial: false));
    }

    [SkippableFact]
    public void Tokens_outside_the_vocabulary_are_refused()
    {
        using LlamaModel model = Models.Load(Models.Stories);
        foreach (int token in new[] { -1, 512, int.MaxValue, int.MinValue })
        {
            Assert.Throws<ArgumentOutOfRangeException>(() => model.Vocabulary.TokenToPiece(token));
            Assert.Throws<ArgumentOutOfRangeException>(() => model.Vocabulary.IsEndOfGeneration(token));
            Assert.Throws<ArgumentOutOfRangeException>(() => model.Vocabulary.IsControl(token));
        }
    }

    [SkippableFact]
    public void A_stream_of_pieces_spells_the_same_text_as_all_tokens_together()
    {
        using LlamaModel model = Models.Load(Models.Stories);
        int[] tokens = model.Vocabulary.Tokenize("naïve 🦙 日本", addSpecial: false);
        var decoder = new Utf8PieceDecoder();
        var parts = new List<string>();
        foreach (int token in tokens)
        {
            var bytes = new ArrayBufferWriter<byte>();
            model.Vocabulary.AppendPiece(token, bytes);
            parts.Add(decoder.Append(bytes.WrittenSpan));
        }

        Assert.Equal("", decoder.Flush());
        Assert.Equal(" naïve 🦙 日本", string.Concat(parts));
        Assert.Contains("", parts); // the byte tokens of a character give nothing before its last
        Assert.All(parts, part => Assert.DoesNotContain('\uFFFD', part));
    }

    [Fact]
    public void A_vocabulary_without_byte_tokens_refuses_what_it_cannot_spell()
    {
        var coverage = new SpmByteCoverage(["<unk>", "\u2581", "a", "b", "ab", "é", "\u2581ab", "<0x0A>", "<0xe2>"]);
        coverage.Require("ab é\n"u8);
        coverage.Require([]);
        LlamaException e = Assert.Throws<LlamaException>(() => coverage.Require("ab c"u8));
        Assert.Equal("The vocabulary has no token for «c» (U+0063), which the text has at byte 3.", e.Message);
        Assert.Throws<LlamaException>(() => coverage.Require("日"u8));
        Assert.Throws<LlamaException>(() => coverage.Require([0xC3]));
        Assert.Throws<LlamaException>(() => new SpmByteCoverage(["a"]).Require("a"u8)); // no space to put in front
        new SpmByteCoverage(Enumerable.Range(0, 256).Select(value => $"<0x{value:X2}>")).Require([0xC3, 0x28]);
    }
}
