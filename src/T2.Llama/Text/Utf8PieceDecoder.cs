using System.Text;

namespace T2.Llama;

/// <summary>
/// Puts the bytes of successive tokens together into whole characters: a character may be spread over several tokens, and
/// nothing is handed out before it is complete. Not thread-safe; one per stream.
/// </summary>
public sealed class Utf8PieceDecoder
{
    private readonly Decoder _decoder = Encoding.UTF8.GetDecoder();

    /// <summary>Takes the next bytes and returns the characters that are complete with them, possibly none.</summary>
    /// <param name="bytes">The bytes of one or more tokens. Bytes that cannot be UTF-8 become U+FFFD.</param>
    public string Append(ReadOnlySpan<byte> bytes) => Decode(bytes, flush: false);

    /// <summary>Ends the stream: returns U+FFFD for a character that was never completed, otherwise nothing. The decoder can be used anew.</summary>
    public string Flush() => Decode([], flush: true);

    private string Decode(ReadOnlySpan<byte> bytes, bool flush)
    {
        int length = _decoder.GetCharCount(bytes, flush);
        if (length == 0)
        {
            // Also with nothing to hand out the decoder has to see the bytes, to remember them.
            _decoder.GetChars(bytes, [], flush);
            return "";
        }

        char[] characters = new char[length];
        return new string(characters, 0, _decoder.GetChars(bytes, characters, flush));
    }
}
