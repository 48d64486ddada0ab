using System.Runtime.InteropServices;

namespace T2.Llama;

/// <summary>Native copies of strings that live until it is disposed.</summary>
internal sealed unsafe class Utf8Arena : IDisposable
{
    private readonly List<nint> _strings = [];

    /// <exception cref="ArgumentException">The text has a zero character, at which C would take it to end.</exception>
    public byte* Add(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text.Contains('\0'))
            throw new ArgumentException($"The text has a zero character at index {text.IndexOf('\0')}.", nameof(text));
        nint copy = Marshal.StringToCoTaskMemUTF8(text);
        _strings.Add(copy);
        return (byte*)copy;
    }

    public void Dispose()
    {
        foreach (nint text in _strings)
            Marshal.FreeCoTaskMem(text);
        _strings.Clear();
    }
}
