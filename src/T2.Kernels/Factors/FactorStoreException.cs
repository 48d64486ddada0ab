namespace T2.Kernels;

/// <summary>A factor file cannot be used or written. The message names the file, what is wrong with it, and what to do.</summary>
public sealed class FactorStoreException : Exception
{
    /// <inheritdoc/>
    public FactorStoreException()
    {
    }

    /// <param name="message">What is wrong.</param>
    public FactorStoreException(string message)
        : base(message)
    {
    }

    /// <param name="message">What is wrong.</param>
    /// <param name="innerException">The cause.</param>
    public FactorStoreException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }

    internal FactorStoreException(string path, string problem, Exception? innerException = null)
        : base($"{path}: {problem}", innerException) => FilePath = path;

    /// <summary>The file it is about, where there is one.</summary>
    public string? FilePath { get; }

    internal static FactorStoreException Unusable(string path, string problem) =>
        new(path, $"the factor file cannot be used: {problem}. Delete it; it will be computed anew.");
}
