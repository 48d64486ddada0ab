using System.Globalization;
using System.Runtime.InteropServices;

namespace T2.Llama;

/// <summary>
/// Which bytes a SentencePiece vocabulary can fall back to. llama.cpp throws a C++ exception, which ends the process, when a
/// text needs a byte that has neither a &lt;0xHH&gt; token nor a token of its own.
/// </summary>
internal sealed class SpmByteCoverage
{
    private readonly bool[] _covered = new bool[256];
    private readonly bool _complete;

    public unsafe SpmByteCoverage(nint vocabulary, int count)
    {
        for (int token = 0; token < count; token++)
        {
            var text = MemoryMarshal.CreateReadOnlySpanFromNullTerminated(LlamaNative.llama_vocab_get_text(vocabulary, token));
            if (text.Length == 1)
                _covered[text[0]] = true;
            else if (text.Length == 6 && text.StartsWith("<0x"u8) && text[5] == '>'
                && byte.TryParse(text[3..5], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out byte value))
                _covered[value] = true;
        }

        _complete = !_covered.Contains(false);
    }

    /// <exception cref="LlamaException">The text has a byte that no token can spell.</exception>
    public void Require(ReadOnlySpan<byte> utf8)
    {
        if (_complete)
            return;
        for (int i = 0; i < utf8.Length; i++)
        {
            // A space is written as U+2581, and characters with a token of their own need no fallback; which ones those are
            // only the tokenizer knows, so a vocabulary without byte tokens accepts no others here.
            if (utf8[i] != ' ' && !_covered[utf8[i]])
                throw new LlamaException($"The vocabulary has no token for byte 0x{utf8[i]:X2}, which the text has at offset {i}.");
        }
    }
}
