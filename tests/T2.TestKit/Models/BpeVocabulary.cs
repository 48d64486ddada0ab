namespace T2.TestKit;

/// <summary>Byte-level BPE: one token for each byte, the joins that make up a few words, and special tokens.</summary>
internal sealed class BpeVocabulary : SyntheticVocabulary
{
    private readonly List<string> _merges = [];

    public BpeVocabulary(string preTokenizer, string? beginOfText, string endOfText, IEnumerable<string> specials)
    {
        PreTokenizer = preTokenizer;
        BeginOfText = beginOfText;
        EndOfText = endOfText;
        foreach (var character in ByteAlphabet())
            Add(character.ToString());
        foreach (var word in KnownWords)
        {
            var joined = Space;
            foreach (var character in word)
            {
                if (Add(joined + character))
                    _merges.Add($"{joined} {character}");
                joined += character;
            }
        }
        foreach (var special in specials)
            Add(special, TokenKind.Control);
    }

    public override IReadOnlyList<string> Merges => _merges;

    public override string Model => "gpt2";

    public override string PreTokenizer { get; }

    public override string? BeginOfText { get; }

    public override string EndOfText { get; }

    private protected override string Space => "Ġ";

    /// <summary>GPT-2's printable stand-ins for the 256 bytes: printable Latin-1 stands for itself, the rest is moved up from U+0100 in order.</summary>
    private static IEnumerable<char> ByteAlphabet()
    {
        var moved = (char)0x100;
        for (var value = 0; value < 256; value++)
        {
            var printable = value is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or (>= 0xAE and <= 0xFF);
            yield return printable ? (char)value : moved++;
        }
    }
}
