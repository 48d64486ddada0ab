namespace T2.Kernels;

/// <summary>A weight has no usable singular value decomposition: it holds values that are not finite, or the iteration did not converge.</summary>
public sealed class FactorizationException : Exception
{
    /// <inheritdoc/>
    public FactorizationException()
    {
    }

    /// <param name="message">What is wrong, and where.</param>
    public FactorizationException(string message)
        : base(message)
    {
    }

    /// <param name="message">What is wrong, and where.</param>
    /// <param name="innerException">The cause.</param>
    public FactorizationException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
