namespace T2.Weights;

/// <summary>A model's weights cannot be found, or cannot be written safely. Nothing has been changed when this is thrown.</summary>
public sealed class WeightAccessException : Exception
{
    /// <summary>Creates the exception with no message of its own.</summary>
    public WeightAccessException()
    {
    }

    /// <summary>Creates the exception.</summary>
    public WeightAccessException(string message)
        : base(message)
    {
    }

    /// <summary>Creates the exception.</summary>
    public WeightAccessException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
