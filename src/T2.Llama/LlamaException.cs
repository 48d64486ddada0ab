namespace T2.Llama;

/// <summary>llama.cpp refused something, or T2 refused to ask it for something that would end the process.</summary>
public class LlamaException : Exception
{
    /// <summary>Makes an exception with a message.</summary>
    /// <param name="message">What went wrong, and with what.</param>
    public LlamaException(string message) : base(message)
    {
    }

    /// <summary>Makes an exception with a message and its cause.</summary>
    /// <param name="message">What went wrong, and with what.</param>
    /// <param name="innerException">The cause.</param>
    public LlamaException(string message, Exception? innerException) : base(message, innerException)
    {
    }

    /// <summary>The status code that llama.cpp returned, where the failing call returns one.</summary>
    public int? StatusCode { get; init; }
}
