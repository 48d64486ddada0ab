using T2.Llama;
using T2.Training;

namespace T2.Recipes;

/// <summary>A conversation as tokens, as the chat template writes it; only what the assistant says is to be predicted.</summary>
internal sealed class ChatDocument(LlamaVocabulary vocabulary)
{
    private readonly List<int> _tokens = [];
    private readonly List<float> _weights = [];

    /// <summary>Tokens so far.</summary>
    public int Length => _tokens.Count;

    /// <summary>Adds a message that is given.</summary>
    public ChatDocument Given(string role, string content)
    {
        Add($"{MiniVocabulary.Start}{role}\n{content}{MiniVocabulary.End}\n", 0);
        return this;
    }

    /// <summary>Adds what the assistant says, up to and with the end of its message.</summary>
    public ChatDocument Said(string content)
    {
        // The line feed after a message belongs to the next one: the assistant stops at the end mark.
        Add($"{MiniVocabulary.Start}assistant\n", 0);
        Add(content + MiniVocabulary.End, 1);
        Add("\n", 0);
        return this;
    }

    /// <summary>The document for training.</summary>
    public TrainingDocument ToDocument() => new([.. _tokens[..^1]], [.. _weights[..^1]]);

    private void Add(string text, float weight)
    {
        var tokens = vocabulary.Tokenize(text, addSpecial: false, parseSpecial: true);
        _tokens.AddRange(tokens);
        _weights.AddRange(Enumerable.Repeat(weight, tokens.Length));
    }
}
