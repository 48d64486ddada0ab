namespace T2.Cli;

/// <summary>A file is missing or does not hold what it should; the message names it.</summary>
internal sealed class BadFileException(string message, Exception? innerException = null) : Exception(message, innerException);
