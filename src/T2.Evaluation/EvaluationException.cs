namespace T2.Evaluation;

/// <summary>An evaluation cannot go on from what is in its folder, or its folder cannot be used.</summary>
public sealed class EvaluationException : Exception
{
    /// <summary>Creates the exception.</summary>
    public EvaluationException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }
}
