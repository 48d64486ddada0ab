using System.Globalization;

namespace T2.TestKit;

/// <summary>SentencePiece: the special tokens, all 256 bytes, printable ASCII and the beginnings of a few words.</summary>
internal sealed class SpmVocabulary : SyntheticVocabulary
{
    public SpmVocabulary()
    {
        Add("<unk>", TokenKind.Unknown);
        Add("<s>", TokenKind.Control);
        Add("</s>", TokenKind.Control);
        for (var value = 0; value < 256; value++)
            Add(string.Create(CultureInfo.InvariantCulture, $"<0x{value:X2}>"), TokenKind.Byte);
        Add("<|im_start|>", TokenKind.Control);
        Add("<|im_end|>", TokenKind.Control);

        // A word is reached by joining one character at a time, so each of its beginnings is a token, the shorter with the higher score.
        var score = 0f;
        foreach (var word in KnownWords)
        {
            for (var length = 1; length <= word.Length; length++)
                Add(Space + word[..length], score: score--);
        }
        Add(Space, score: score--);
        for (var character = '!'; character <= '~'; character++)
            Add(character.ToString(), score: score--);
    }

    public override string Model => "llama";

    public override string PreTokenizer => "default";

    public override string? BeginOfText => "<s>";

    public override string EndOfText => "</s>";

    private protected override string Space => "▁";
}
