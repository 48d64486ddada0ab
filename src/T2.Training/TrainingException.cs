namespace T2.Training;

/// <summary>Training cannot go on: the loss or a gradient is not finite, or a checkpoint does not fit. The message says where, and what to do about it.</summary>
public sealed class TrainingException : Exception
{
    /// <inheritdoc/>
    public TrainingException()
    {
    }

    /// <param name="message">What is wrong, and where.</param>
    public TrainingException(string message)
        : base(message)
    {
    }

    /// <param name="message">What is wrong, and where.</param>
    /// <param name="innerException">The cause.</param>
    public TrainingException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
