namespace T2.Llama;

/// <summary>The library found lays out its parameter structs in a way this build of T2 does not know; calling it would corrupt memory.</summary>
public sealed class LlamaAbiException : LlamaException
{
    /// <summary>Makes an exception with a message.</summary>
    /// <param name="message">Names the version T2 knows and the one found.</param>
    public LlamaAbiException(string message) : base(message)
    {
    }
}
