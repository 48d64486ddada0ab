namespace T2.Runtime;

/// <summary>Runs pass 1 for many questions with a context of its own; other users of the model wait for their turn.</summary>
public sealed class BatchDispatcher : IAsyncDisposable
{
    private readonly AdaptiveModel _model;
    private readonly SessionOptions _options;
    private readonly AdaptedContext _context;
    private bool _disposed;

    /// <summary>Makes a dispatcher.</summary>
    /// <exception cref="T2.Llama.LlamaException">llama.cpp cannot make the context.</exception>
    public BatchDispatcher(AdaptiveModel model, SessionOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        model.ThrowIfDisposed();
        _model = model;
        _options = options ?? new SessionOptions();
        _context = new AdaptedContext(model.Native, model.Adapter, _options, AdaptiveSession.DispatchSequences);
    }

    /// <summary>Decides which of the model's experts each question needs, on a worker thread. A question that does not fit the context is dispatched to the base.</summary>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public async Task<IReadOnlyList<DispatchDecision>> DecideAsync(IDispatchStrategy strategy, IReadOnlyList<string> questions, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(strategy);
        ArgumentNullException.ThrowIfNull(questions);
        ObjectDisposedException.ThrowIf(_disposed, this);
        await _model.Gate.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            return await Task.Run(() => Decide(strategy, questions, cancellation), cancellation).ConfigureAwait(false);
        }
        finally
        {
            _model.Gate.Release();
        }
    }

    /// <summary>Frees the context. The model stays loaded.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_disposed)
            return;
        _disposed = true;
        await _model.Gate.WaitAsync().ConfigureAwait(false);
        try
        {
            _context.Dispose();
        }
        finally
        {
            _model.Gate.Release();
        }
    }

    private DispatchDecision[] Decide(IDispatchStrategy strategy, IReadOnlyList<string> questions, CancellationToken cancellation)
    {
        var labels = _model.Experts.Experts.Select(static expert => new ExpertLabel(expert.Name, expert.Description)).ToArray();
        if (labels.Length == 0)
            return [.. questions.Select(static _ => new DispatchDecision(null, 1, [], 0, "there are no experts to choose from"))];
        _model.Adapter.Reset();
        var reader = new DispatchReader(_context, _options.Format);
        return [.. questions.Select(question => Decide(strategy, reader, question, labels, cancellation))];
    }

    private static DispatchDecision Decide(IDispatchStrategy strategy, DispatchReader reader, string question, ExpertLabel[] labels, CancellationToken cancellation)
    {
        try
        {
            return strategy.Decide(reader, question, labels, cancellation);
        }
        catch (PromptTooLongException exception)
        {
            return new DispatchDecision(null, 0, [], 0, exception.Message);
        }
    }
}
