using System.Text;

namespace T2.Llama.Tests;

public sealed class Utf8PieceDecoderTests
{
    [Theory]
    [InlineData("plain")]
    [InlineData("é日🦙")]
    [InlineData("mixed é and 🦙 and 日本語 text")]
    public void Byte_by_byte_gives_whole_characters_only(string text)
    {
        var decoder = new Utf8PieceDecoder();
        var result = new StringBuilder();
        foreach (byte value in Encoding.UTF8.GetBytes(text))
        {
            string part = decoder.Append([value]);
            Assert.False(part.Length == 1 && char.IsSurrogate(part[0]), "half a character was handed out");
            result.Append(part);
        }

        Assert.Equal(text, result.ToString());
        Assert.Equal("", decoder.Flush());
    }

    [Fact]
    public void An_unfinished_character_becomes_a_replacement_at_the_end()
    {
        var decoder = new Utf8PieceDecoder();
        Assert.Equal("a", decoder.Append([(byte)'a', 0xF0, 0x9F]));
        Assert.Equal("\uFFFD", decoder.Flush());
        Assert.Equal("b", decoder.Append("b"u8));
    }

    [Fact]
    public void Bytes_that_are_no_UTF_8_become_replacements_and_the_rest_goes_on()
    {
        var decoder = new Utf8PieceDecoder();
        Assert.Equal("\uFFFDa", decoder.Append([0xFF, (byte)'a']));
        Assert.Equal("", decoder.Append([0xC3]));
        Assert.Equal("\uFFFD(", decoder.Append([0x28]));
    }
}
