namespace T2.Cli;

/// <summary>What the user typed makes no sense; the message says which part and why.</summary>
internal sealed class UsageException(string message) : Exception(message);
