using System.Globalization;
using System.Text;

namespace T2.TestKit;

/// <summary>Kinds of tokens, numbered as in <c>llama_token_type</c>.</summary>
public enum TokenKind
{
    Normal = 1,
    Unknown = 2,
    Control = 3,
    Byte = 6,
}

/// <summary>A tokenizer small enough to be made up, complete enough that any text survives a round trip.</summary>
public abstract class SyntheticVocabulary
{
    /// <summary>Words a tokenizer knows whole, besides single characters: enough that prompts have tokens of unlike lengths.</summary>
    private protected static readonly string[] KnownWords =
    [
        "the", "of", "and", "to", "in", "is", "was", "that", "for", "with", "what", "how", "Once", "upon", "time",
        "math", "code", "reasoning", "other", "user", "assistant", "system", "answer", "question",
    ];

    private readonly List<string> _tokens = [];
    private readonly List<TokenKind> _kinds = [];
    private readonly List<float> _scores = [];
    private readonly Dictionary<string, int> _ids = [];

    /// <summary>Text of every token as the file holds it, by id.</summary>
    public IReadOnlyList<string> Tokens => _tokens;

    /// <summary>Kind of every token, by id.</summary>
    public IReadOnlyList<TokenKind> Kinds => _kinds;

    /// <summary>Score of every token, by id; higher joins earlier. Only SentencePiece reads it.</summary>
    public IReadOnlyList<float> Scores => _scores;

    /// <summary>Pairs to join, first one first, as "left right". Only BPE has any.</summary>
    public virtual IReadOnlyList<string> Merges => [];

    /// <summary>Goes to <c>tokenizer.ggml.model</c>.</summary>
    public abstract string Model { get; }

    /// <summary>Goes to <c>tokenizer.ggml.pre</c>.</summary>
    public abstract string PreTokenizer { get; }

    /// <summary>The token that opens every prompt; null where the tokenizer adds none.</summary>
    public abstract string? BeginOfText { get; }

    /// <summary>The token that ends an answer.</summary>
    public abstract string EndOfText { get; }

    /// <summary>Makes the vocabulary of a model.</summary>
    /// <param name="kind">Kind of tokenizer.</param>
    /// <param name="size">Number of tokens, or 0 for as many as the tokenizer needs.</param>
    /// <exception cref="ArgumentException"><paramref name="size"/> is not 0 and less than the tokenizer needs.</exception>
    public static SyntheticVocabulary Create(VocabularyKind kind, int size)
    {
        SyntheticVocabulary vocabulary = kind switch
        {
            VocabularyKind.Spm => new SpmVocabulary(),
            VocabularyKind.Qwen2 => new BpeVocabulary("qwen2", null, "<|im_end|>", ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]),
            VocabularyKind.Llama3 => new BpeVocabulary("llama-bpe", "<|begin_of_text|>", "<|eot_id|>",
                ["<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]),
            _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "Unknown kind of vocabulary."),
        };
        vocabulary.FillTo(size);
        return vocabulary;
    }

    /// <summary>Id of a token the vocabulary holds.</summary>
    public int IdOf(string token) => _ids[token];

    /// <summary>What this tokenizer writes for a space in front of a word.</summary>
    private protected abstract string Space { get; }

    /// <summary>Adds a token unless it is there.</summary>
    private protected bool Add(string token, TokenKind kind = TokenKind.Normal, float score = 0)
    {
        if (!_ids.TryAdd(token, _tokens.Count))
            return false;
        _tokens.Add(token);
        _kinds.Add(kind);
        _scores.Add(score);
        return true;
    }

    private void FillTo(int size)
    {
        if (size != 0 && size < _tokens.Count)
            throw new ArgumentException($"A vocabulary of {size} is too small: the {PreTokenizer} tokenizer needs {_tokens.Count} tokens.");
        for (var number = 0; _tokens.Count < size; number++)
            Add(Space + MadeUpWord(number), score: -1e6f - number);
    }

    /// <summary>Three or more open syllables, so that what an untrained model says can be read.</summary>
    private static string MadeUpWord(int number)
    {
        const string Consonants = "bdfghjklmnprstvz";
        const string Vowels = "aeiou";
        var word = new StringBuilder();
        for (var syllable = 0; syllable < 3 || number > 0; syllable++)
        {
            word.Append(CultureInfo.InvariantCulture, $"{Consonants[number / Vowels.Length % Consonants.Length]}{Vowels[number % Vowels.Length]}");
            number /= Consonants.Length * Vowels.Length;
        }
        return word.ToString();
    }
}
