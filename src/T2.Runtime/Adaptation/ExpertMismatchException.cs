namespace T2.Runtime;

/// <summary>An expert does not fit the model it was asked to adapt. Nothing has been changed when this is thrown.</summary>
public sealed class ExpertMismatchException : Exception
{
    /// <summary>Creates the exception with no message of its own.</summary>
    public ExpertMismatchException()
    {
    }

    /// <summary>Creates the exception.</summary>
    public ExpertMismatchException(string message)
        : base(message)
    {
    }

    /// <summary>Creates the exception.</summary>
    public ExpertMismatchException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
