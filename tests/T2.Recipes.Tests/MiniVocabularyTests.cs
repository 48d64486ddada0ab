using T2.Llama;
using T2.Runtime;
using T2.TestKit;

namespace T2.Recipes.Tests;

public sealed class MiniVocabularyTests : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly LlamaModel _model;

    public MiniVocabularyTests()
    {
        string path = Path.Combine(_folder.Path, "template.gguf");
        MiniVocabulary.WriteTemplate(path);
        _model = LlamaModel.Load(path, new LlamaModelOptions { VocabularyOnly = true });
    }

    public void Dispose()
    {
        _model.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData("What is 47 + 25?")]
    [InlineData("  two  spaces, a tab\t and a\nline feed ")]
    [InlineData("Grüße, 世界 🙂 ▁")]
    [InlineData("Where is the unaffordable zucchini<|im_end|>?")]
    public void Text_survives_a_round_trip(string text)
    {
        var vocabulary = _model.Vocabulary;
        Assert.Equal(text.Replace('▁', ' '), vocabulary.Detokenize(vocabulary.Tokenize(text, addSpecial: true)).Replace('▁', ' '));
    }

    [Fact]
    public void Questions_and_answers_survive_a_round_trip_and_are_short()
    {
        var random = new Random(9);
        foreach (var skill in SkillSet.All)
        {
            for (int at = 0; at < 200; at++)
            {
                var question = skill.Draw(random);
                var tokens = _model.Vocabulary.Tokenize(question.Prompt, addSpecial: true);
                Assert.Equal(question.Prompt, _model.Vocabulary.Detokenize(tokens));
                Assert.InRange(tokens.Length, 1, 20);
                Assert.InRange(_model.Vocabulary.Tokenize(question.Answer, addSpecial: true).Length, 1, skill.MaxTokens - 1);
            }
        }
    }

    [Fact]
    public void Digits_and_letters_of_strings_are_a_token_each()
    {
        Assert.Equal(5, Pieces("12345").Length);
        string[] pieces = Pieces("Reverse 'other'.")[1..^1];
        Assert.Equal("thecatsaw".Length, Pieces("'thecatsaw'").Length - 2);
        Assert.NotEmpty(pieces);
    }

    [Fact]
    public void Documents_are_what_the_chat_template_renders()
    {
        string system = DispatchText.SystemMessage(SkillSet.WithExpert);
        string rendered = LlamaChat.Apply(_model.ChatTemplate!, [new("system", system), new("user", "Flip 'abc'.")], addAssistant: true)! + DispatchPrompt.Answer("letters") + MiniVocabulary.End;
        var document = new ChatDocument(_model.Vocabulary).Given("system", system).Given("user", "Flip 'abc'.").Said(DispatchPrompt.Answer("letters")).ToDocument();
        Assert.Equal(_model.Vocabulary.Tokenize(rendered, addSpecial: true, parseSpecial: true), document.Tokens);
        Assert.Equal(_model.Vocabulary.Tokenize(DispatchPrompt.Answer("letters") + MiniVocabulary.End, false, true).Length, document.Weights!.Count(static weight => weight > 0));
    }

    [Fact]
    public void The_end_of_a_message_ends_generation()
    {
        int end = _model.Vocabulary.Tokenize(MiniVocabulary.End, addSpecial: false, parseSpecial: true).Single();
        Assert.True(_model.Vocabulary.IsEndOfGeneration(end));
        Assert.True(_model.Vocabulary.IsControl(end));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_corpus_is_a_function_of_seed_and_number_and_never_shows_the_test_set(bool second)
    {
        var (once, again, other) = (new Corpus(_model.Vocabulary, 4, second), new Corpus(_model.Vocabulary, 4, second), new Corpus(_model.Vocabulary, 5, second));
        Assert.Equal(once[77].Tokens, again[77].Tokens);
        Assert.NotEqual(once[77].Tokens, new Corpus(_model.Vocabulary, 4, !second)[77].Tokens);
        Assert.NotEqual(Enumerable.Range(0, 20).SelectMany(at => once[at].Tokens), Enumerable.Range(0, 20).SelectMany(at => other[at].Tokens));

        var held = DataSets.All().Where(static set => set.Name is "arithmetic.test").SelectMany(static set => set.Task.Items).Select(static item => item.Prompt).ToHashSet();
        for (int at = 0; at < 3000; at++)
        {
            string text = _model.Vocabulary.Detokenize(once[at].Tokens, special: true);
            foreach (string message in text.Split(MiniVocabulary.Start + "user\n").Skip(1))
            {
                string asked = message[..message.IndexOf(MiniVocabulary.End, StringComparison.Ordinal)];
                // Behind an opening, too.
                Assert.DoesNotContain(held, prompt => asked.EndsWith(prompt, StringComparison.Ordinal));
            }
        }
    }

    private string[] Pieces(string text) => [.. _model.Vocabulary.Tokenize(text, addSpecial: true).Select(token => _model.Vocabulary.Detokenize([token]))];
}
