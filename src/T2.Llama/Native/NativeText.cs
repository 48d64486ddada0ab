using System.Text;

namespace T2.Llama;

/// <summary>Reads text from functions that fill a buffer the way snprintf does.</summary>
internal static class NativeText
{
    /// <summary>Writes at most size bytes with a closing zero; returns the length without it that the whole text has, or a negative number.</summary>
    public unsafe delegate int Fill(byte* buffer, nuint size);

    /// <summary>The whole text, or null when the function reports that there is none.</summary>
    public static unsafe string? Read(Fill fill)
    {
        byte[] buffer = new byte[256];
        while (true)
        {
            int length;
            fixed (byte* start = buffer)
                length = fill(start, (nuint)buffer.Length);
            if (length < 0)
                return null;
            if (length < buffer.Length)
                return Encoding.UTF8.GetString(buffer, 0, length);
            buffer = new byte[length + 1];
        }
    }
}
