namespace T2.Cli;

/// <summary>Cancelled, with something to say about what was reached.</summary>
internal sealed class StoppedException(string message, OperationCanceledException innerException) : OperationCanceledException(message, innerException);
