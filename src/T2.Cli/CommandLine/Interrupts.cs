using System.Runtime.InteropServices;

namespace T2.Cli;

/// <summary>
/// Ctrl-C and SIGTERM as cancellation. Scopes nest, the whole command outermost: each signal cancels the innermost scope not cancelled yet (in a conversation
/// the answer first, then the conversation), and one that finds nothing left to cancel takes its default course, which
/// ends the process at once.
/// </summary>
internal sealed class Interrupts : IDisposable
{
    private readonly Stack<CancellationTokenSource> _scopes = new();
    private readonly PosixSignalRegistration[] _registrations;

    internal Interrupts()
    {
        _scopes.Push(new CancellationTokenSource());
        Token = _scopes.Peek().Token;
        _registrations = [PosixSignalRegistration.Create(PosixSignal.SIGINT, OnSignal), PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnSignal)];
    }

    /// <summary>Cancels the whole command.</summary>
    internal CancellationToken Token { get; }

    /// <summary>Opens a scope that the next signal cancels by itself; it is cancelled with the whole command too.</summary>
    internal Scope Begin()
    {
        var source = CancellationTokenSource.CreateLinkedTokenSource(Token);
        lock (_scopes)
            _scopes.Push(source);
        return new Scope(this, source);
    }

    public void Dispose()
    {
        foreach (var registration in _registrations)
            registration.Dispose();
        while (_scopes.TryPop(out var source))
            source.Dispose();
    }

    private void OnSignal(PosixSignalContext context)
    {
        CancellationTokenSource? next;
        lock (_scopes)
            next = _scopes.FirstOrDefault(static scope => !scope.IsCancellationRequested);
        // Not Environment.Exit: it would tear down the native library under a thread that is still computing in it.
        if (next is null)
            return;
        context.Cancel = true;
        // Callbacks of the token run in here; the signal thread must not wait for them.
        _ = next.CancelAsync();
    }

    /// <summary>An open scope.</summary>
    internal readonly struct Scope(Interrupts owner, CancellationTokenSource source) : IDisposable
    {
        internal CancellationToken Token => source.Token;

        public void Dispose()
        {
            lock (owner._scopes)
                owner._scopes.Pop();
            source.Dispose();
        }
    }
}
