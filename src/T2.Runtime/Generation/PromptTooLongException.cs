namespace T2.Runtime;

/// <summary>A prompt does not fit the session's context.</summary>
public sealed class PromptTooLongException : Exception
{
    /// <summary>Creates the exception with no message of its own.</summary>
    public PromptTooLongException()
    {
    }

    /// <summary>Creates the exception.</summary>
    public PromptTooLongException(string message)
        : base(message)
    {
    }

    /// <summary>Creates the exception.</summary>
    public PromptTooLongException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    internal PromptTooLongException(int tokens, int contextLength, string what)
        : base($"{what} takes {tokens} tokens, the context holds {contextLength}. Shorten it or open the session with a longer context.")
    {
    }
}
