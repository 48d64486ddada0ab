using System.Text;

namespace T2.Gguf;

/// <summary>UTF-8 without replacement characters: text that cannot be encoded is an error, not a question mark.</summary>
internal static class StrictUtf8
{
    private static readonly UTF8Encoding s_encoding = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>The UTF-8 bytes of <paramref name="text"/>.</summary>
    /// <exception cref="ArgumentException">The text has an unpaired surrogate.</exception>
    public static byte[] GetBytes(string text) => s_encoding.GetBytes(text);
}
