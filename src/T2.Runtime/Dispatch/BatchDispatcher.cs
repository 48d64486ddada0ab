namespace T2.Runtime;

/// <summary>Runs pass 1 for many questions with a context of its own; other users of the model wait for their turn.</summary>
public sealed class BatchDispatcher : IAsyncDisposable
{
    private readonly AdaptiveModel _model;
    private readonly SessionOptions _options;
    private readonly AdaptedContext _context;
    private readonly KeptPrefixes _kept = new();
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

    private IReadOnlyList<DispatchDecision> Decide(IDispatchStrategy strategy, IReadOnlyList<string> questions, CancellationToken cancellation)
    {
        var labels = _model.Experts.Labels;
        if (strategy.ReadsPrompt && labels.Count == 0)
            return [.. questions.Select(static _ => new DispatchDecision(null, 1, [], 0, "there are no experts to choose from"))];
        if (strategy.ReadsPrompt)
        {
            if (strategy.Classifier is { } classifier)
                _model.Adapter.Apply(classifier, _model.FactorsFor(classifier, null, cancellation), cancellation);
            else
                _model.Adapter.Reset();
        }
        var reader = new DispatchReader(_context, _options.Format, _kept);
        try
        {
            return strategy.DecideAll(reader, questions, labels, cancellation);
        }
        catch (PromptTooLongException)
        {
            // One of them is too long, and does not keep the others from being dispatched.
            return [.. questions.Select(question => DecideAlone(strategy, reader, question, labels, cancellation))];
        }
    }

    private static DispatchDecision DecideAlone(
        IDispatchStrategy strategy, DispatchReader reader, string question, IReadOnlyList<ExpertLabel> labels, CancellationToken cancellation)
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
