using System.Buffers;
using System.Text;

namespace T2.Llama;

/// <summary>Turns text into the tokens of a model and back. Thread-safe.</summary>
public sealed class LlamaVocabulary
{
    private readonly SafeModelHandle _model;
    private readonly nint _vocabulary;
    private readonly SpmByteCoverage? _coverage;

    internal LlamaVocabulary(SafeModelHandle model)
    {
        _model = model;
        _vocabulary = LlamaNative.llama_model_get_vocab(model);
        Kind = (LlamaVocabularyKind)LlamaNative.llama_vocab_type(_vocabulary);
        Count = LlamaNative.llama_vocab_n_tokens(_vocabulary);
        BeginningOfSequence = Special(LlamaNative.llama_vocab_bos(_vocabulary));
        EndOfSequence = Special(LlamaNative.llama_vocab_eos(_vocabulary));
        EndOfTurn = Special(LlamaNative.llama_vocab_eot(_vocabulary));
        NewLine = Special(LlamaNative.llama_vocab_nl(_vocabulary));
        Padding = Special(LlamaNative.llama_vocab_pad(_vocabulary));
        AddsBeginningOfSequence = LlamaNative.llama_vocab_get_add_bos(_vocabulary);
        AddsEndOfSequence = LlamaNative.llama_vocab_get_add_eos(_vocabulary);
        if (Kind == LlamaVocabularyKind.SentencePiece)
            _coverage = new SpmByteCoverage(_vocabulary, Count);
    }

    /// <summary>The tokenizer's kind.</summary>
    public LlamaVocabularyKind Kind { get; }

    /// <summary>Number of tokens; token ids run from 0 to Count − 1.</summary>
    public int Count { get; }

    /// <summary>The token that begins a text (BOS), or null when the model has none.</summary>
    public int? BeginningOfSequence { get; }

    /// <summary>The token that ends a text (EOS), or null.</summary>
    public int? EndOfSequence { get; }

    /// <summary>The token that ends a turn of a chat (EOT), or null.</summary>
    public int? EndOfTurn { get; }

    /// <summary>The token of a line feed, or null.</summary>
    public int? NewLine { get; }

    /// <summary>The padding token, or null.</summary>
    public int? Padding { get; }

    /// <summary>Whether <see cref="Tokenize(string, bool, bool)"/> with addSpecial puts BOS in front.</summary>
    public bool AddsBeginningOfSequence { get; }

    /// <summary>Whether <see cref="Tokenize(string, bool, bool)"/> with addSpecial puts EOS at the end.</summary>
    public bool AddsEndOfSequence { get; }

    /// <summary>Turns text into tokens.</summary>
    /// <param name="text">The text; unpaired surrogates become U+FFFD.</param>
    /// <param name="addSpecial">Adds BOS and EOS if the model is configured so.</param>
    /// <param name="parseSpecial">Reads the spelling of control tokens as those tokens. Leave it off for text of users.</param>
    /// <exception cref="LlamaException">The model has no tokenizer, or none of its tokens can spell a byte of the text.</exception>
    public int[] Tokenize(string text, bool addSpecial, bool parseSpecial = false)
    {
        ArgumentNullException.ThrowIfNull(text);
        byte[] utf8 = ArrayPool<byte>.Shared.Rent(Encoding.UTF8.GetMaxByteCount(text.Length));
        try
        {
            return Tokenize(utf8.AsSpan(0, Encoding.UTF8.GetBytes(text, utf8)), addSpecial, parseSpecial);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(utf8);
        }
    }

    /// <inheritdoc cref="Tokenize(string, bool, bool)"/>
    /// <param name="utf8">The text in UTF-8.</param>
    /// <param name="addSpecial">Adds BOS and EOS if the model is configured so.</param>
    /// <param name="parseSpecial">Reads the spelling of control tokens as those tokens. Leave it off for text of users.</param>
    public unsafe int[] Tokenize(ReadOnlySpan<byte> utf8, bool addSpecial, bool parseSpecial = false)
    {
        if (Kind == LlamaVocabularyKind.None)
            throw new LlamaException("The model has no tokenizer.");
        _coverage?.Require(utf8);
        using var use = new HandleUse(_model);
        int[] tokens = new int[utf8.Length + 2]; // no token is shorter than a byte; BOS and EOS come on top
        while (true)
        {
            int count;
            fixed (byte* text = utf8)
            fixed (int* target = tokens)
                count = LlamaNative.llama_tokenize(_vocabulary, text, utf8.Length, target, tokens.Length, addSpecial, parseSpecial);
            if (count == int.MinValue)
                throw new LlamaException($"A text of {utf8.Length} bytes is too long to tokenize.");
            if (count >= 0)
                return tokens[..count];
            tokens = new int[-count];
        }
    }

    /// <summary>Appends the bytes that a token stands for. They need not be whole characters; see <see cref="Utf8PieceDecoder"/>.</summary>
    /// <param name="token">A token id.</param>
    /// <param name="destination">Gets the bytes.</param>
    /// <param name="special">Spells out control tokens, which otherwise stand for nothing.</param>
    /// <exception cref="ArgumentOutOfRangeException">The vocabulary has no such token.</exception>
    public unsafe void AppendPiece(int token, IBufferWriter<byte> destination, bool special = false)
    {
        ArgumentNullException.ThrowIfNull(destination);
        RequireToken(token);
        using var use = new HandleUse(_model);
        int size = 64;
        while (true)
        {
            Span<byte> buffer = destination.GetSpan(size);
            int length;
            fixed (byte* start = buffer)
                length = LlamaNative.llama_token_to_piece(_vocabulary, token, start, buffer.Length, 0, special);
            if (length >= 0)
            {
                destination.Advance(length);
                return;
            }

            size = -length;
        }
    }

    /// <summary>The bytes that a token stands for, in an array of their own.</summary>
    /// <param name="token">A token id.</param>
    /// <param name="special">Spells out control tokens, which otherwise stand for nothing.</param>
    /// <exception cref="ArgumentOutOfRangeException">The vocabulary has no such token.</exception>
    public byte[] TokenToPiece(int token, bool special = false)
    {
        var bytes = new ArrayBufferWriter<byte>(64);
        AppendPiece(token, bytes, special);
        return bytes.WrittenSpan.ToArray();
    }

    /// <summary>The text that tokens stand for; bytes that are no UTF-8 become U+FFFD.</summary>
    /// <param name="tokens">Token ids.</param>
    /// <param name="special">Spells out control tokens, which otherwise stand for nothing.</param>
    /// <exception cref="ArgumentOutOfRangeException">The vocabulary lacks one of the tokens.</exception>
    public string Detokenize(ReadOnlySpan<int> tokens, bool special = false)
    {
        var bytes = new ArrayBufferWriter<byte>();
        foreach (int token in tokens)
            AppendPiece(token, bytes, special);
        return Encoding.UTF8.GetString(bytes.WrittenSpan);
    }

    /// <summary>Whether generation ends with this token (EOS, EOT and the like).</summary>
    /// <param name="token">A token id.</param>
    /// <exception cref="ArgumentOutOfRangeException">The vocabulary has no such token.</exception>
    public bool IsEndOfGeneration(int token)
    {
        RequireToken(token);
        using var use = new HandleUse(_model);
        return LlamaNative.llama_vocab_is_eog(_vocabulary, token);
    }

    /// <summary>Whether the token controls the model rather than standing for text.</summary>
    /// <param name="token">A token id.</param>
    /// <exception cref="ArgumentOutOfRangeException">The vocabulary has no such token.</exception>
    public bool IsControl(int token)
    {
        RequireToken(token);
        using var use = new HandleUse(_model);
        return LlamaNative.llama_vocab_is_control(_vocabulary, token);
    }

    internal nint NativePointer => _vocabulary;

    internal SafeModelHandle Model => _model;

    internal void RequireToken(int token)
    {
        if ((uint)token >= (uint)Count)
            throw new ArgumentOutOfRangeException(nameof(token), token, $"The vocabulary has tokens 0 to {Count - 1}.");
    }

    private static int? Special(int token) => token < 0 ? null : token;
}

/// <summary>llama_vocab_type.</summary>
public enum LlamaVocabularyKind
{
    /// <summary>The file has no tokenizer.</summary>
    None = 0,

    /// <summary>SentencePiece byte-pair encoding with byte fallback (Llama 1 and 2).</summary>
    SentencePiece = 1,

    /// <summary>Byte-level byte-pair encoding (GPT-2, Llama 3, Qwen).</summary>
    BytePair = 2,

    /// <summary>WordPiece (BERT).</summary>
    WordPiece = 3,

    /// <summary>Unigram (T5).</summary>
    Unigram = 4,

    /// <summary>RWKV's greedy tokenizer.</summary>
    Rwkv = 5,

    /// <summary>PLaMo-2's tokenizer.</summary>
    Plamo2 = 6,
}
