using Microsoft.Extensions.Logging;

namespace T2.Cli;

/// <summary>llama.cpp's warnings and errors as lines on stderr.</summary>
internal sealed class TerminalLogger(Terminal terminal) : ILogger
{
    /// <inheritdoc/>
    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    /// <inheritdoc/>
    public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Warning;

    /// <inheritdoc/>
    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (IsEnabled(logLevel))
            terminal.Note("llama.cpp: " + formatter(state, exception));
    }
}
