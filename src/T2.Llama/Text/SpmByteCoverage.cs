using System.Buffers;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace T2.Llama;

/// <summary>
/// Which characters a SentencePiece vocabulary can spell. llama.cpp throws a C++ exception, which ends the process, when a
/// character is no token of its own and one of its bytes is neither a &lt;0xHH&gt; token nor a token of its own.
/// </summary>
internal sealed class SpmByteCoverage
{
    private static readonly Rune EscapedSpace = new(0x2581);

    private readonly bool[] _bytes = new bool[256];
    private readonly HashSet<int> _characters = [];
    private readonly bool _complete;

    public unsafe SpmByteCoverage(nint vocabulary, int count)
    {
        for (int token = 0; token < count; token++)
            Learn(MemoryMarshal.CreateReadOnlySpanFromNullTerminated(LlamaNative.llama_vocab_get_text(vocabulary, token)));
        _complete = !_bytes.Contains(false);
    }

    /// <summary>The coverage of a vocabulary given as texts.</summary>
    internal SpmByteCoverage(IEnumerable<string> tokens)
    {
        foreach (string token in tokens)
            Learn(Encoding.UTF8.GetBytes(token));
        _complete = !_bytes.Contains(false);
    }

    /// <exception cref="LlamaException">The text has a character that no token can spell.</exception>
    public void Require(ReadOnlySpan<byte> utf8)
    {
        if (_complete || utf8.IsEmpty)
            return;
        Require(EscapedSpace, 0); // llama.cpp may put a space in front
        for (int offset = 0; offset < utf8.Length;)
        {
            if (Rune.DecodeFromUtf8(utf8[offset..], out Rune character, out int length) != OperationStatus.Done)
                throw new LlamaException($"The text is no UTF-8 at byte {offset}, and the vocabulary has no tokens for single bytes.");
            Require(character == new Rune(' ') ? EscapedSpace : character, offset);
            offset += length;
        }
    }

    private void Learn(ReadOnlySpan<byte> text)
    {
        if (text.Length == 1)
            _bytes[text[0]] = true;
        else if (text.Length == 6 && text.StartsWith("<0x"u8) && text[5] == '>'
            && text.IndexOfAnyInRange((byte)'a', (byte)'f') < 0 // llama.cpp looks for capitals
            && byte.TryParse(text[3..5], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out byte value))
            _bytes[value] = true;
        else if (Rune.DecodeFromUtf8(text, out Rune character, out int length) == OperationStatus.Done && length == text.Length)
            _characters.Add(character.Value);
    }

    private void Require(Rune character, int offset)
    {
        if (_characters.Contains(character.Value))
            return;
        Span<byte> bytes = stackalloc byte[4];
        foreach (byte value in bytes[..character.EncodeToUtf8(bytes)])
        {
            if (!_bytes[value])
            {
                throw new LlamaException(
                    $"The vocabulary has no token for «{character}» (U+{character.Value:X4}), which the text has at byte {offset}.");
            }
        }
    }
}
