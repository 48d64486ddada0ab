namespace T2.Cli;

/// <summary>Two inputs, each valid, do not go together; the message names both.</summary>
internal sealed class MisfitException(string message, Exception? innerException = null) : Exception(message, innerException);
