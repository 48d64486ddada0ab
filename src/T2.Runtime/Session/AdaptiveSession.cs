using System.Runtime.CompilerServices;
using System.Threading.Channels;
using T2.Llama;

namespace T2.Runtime;

/// <summary>
/// Answers prompts in two passes: the base weights decide which expert the prompt needs, the weights are rebuilt in place, and the answer streams at
/// llama.cpp's full speed. One prompt at a time; prompts of other sessions of the model wait.
/// </summary>
public sealed class AdaptiveSession : IAsyncDisposable
{
    private readonly AdaptiveModel _model;
    private readonly SessionOptions _options;
    private readonly AdaptedContext _context;
    private readonly KeptPrefixes _kept = new();
    private readonly List<LlamaChatMessage> _conversation = [];
    private DispatchDecision? _decision;
    private int _busy;
    private bool _disposed;

    internal AdaptiveSession(AdaptiveModel model, SessionOptions options)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(options.ContextLength);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.BatchSize, 1);
        _model = model;
        _options = options;
        _context = new AdaptedContext(model.Native, model.Adapter, options, DispatchSequences);
    }

    /// <summary>Sequences a context holds: the prompt and the labels scored against it in one batch. More labels take more batches.</summary>
    internal const int DispatchSequences = 16;

    /// <summary>How the last finished prompt was answered; null before the first.</summary>
    public AskReport? LastReport { get; private set; }

    /// <summary>Context length in tokens, as llama.cpp made it.</summary>
    public int ContextLength => _context.Capacity;

    /// <summary>
    /// Answers a prompt. The stages run on a worker thread: base weights → dispatch → rebuild in place → clear KV → prefill → generate. Enumeration gives
    /// the answer's text as it comes, whole characters at a time; leaving it early stops the generation.
    /// </summary>
    /// <param name="prompt">The user's message.</param>
    /// <param name="options">For this prompt; null = the defaults.</param>
    /// <param name="cancellation">Cancels between stages, prefill batches, weights and tokens. A rebuild cut short leaves the model bit-exactly on its base.</param>
    /// <exception cref="InvalidOperationException">Another prompt of this session is being answered.</exception>
    /// <exception cref="ExpertMismatchException">The expert does not fit the model.</exception>
    /// <exception cref="PromptTooLongException">The prompt does not fit the context.</exception>
    public async IAsyncEnumerable<string> AskAsync(string prompt, AskOptions? options = null, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(prompt);
        ObjectDisposedException.ThrowIf(_disposed, this);
        _model.ThrowIfDisposed();
        if (Interlocked.Exchange(ref _busy, 1) != 0)
            throw new InvalidOperationException("The session is answering another prompt; open a second session to ask at the same time.");

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var pieces = Channel.CreateUnbounded<string>(new UnboundedChannelOptions { SingleReader = true, SingleWriter = true });
        var work = Task.Run(() => AnswerAsync(prompt, options ?? new AskOptions(), pieces.Writer, stop.Token), CancellationToken.None);
        try
        {
            await foreach (string piece in pieces.Reader.ReadAllAsync(CancellationToken.None).ConfigureAwait(false))
                yield return piece;
            await work.ConfigureAwait(false);
        }
        finally
        {
            if (!work.IsCompleted)
                await stop.CancelAsync().ConfigureAwait(false);
            await work.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            Volatile.Write(ref _busy, 0);
        }
    }

    /// <summary>Forgets the conversation so far, and with it the expert it stayed with.</summary>
    public void ClearConversation()
    {
        _conversation.Clear();
        _decision = null;
    }

    /// <summary>Frees the session's context. The model stays loaded.</summary>
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

    private async Task AnswerAsync(string prompt, AskOptions options, ChannelWriter<string> pieces, CancellationToken cancellation)
    {
        try
        {
            var answer = new Answer(_model, _context, _kept, _options, options, pieces);
            await answer.WaitForTurnAsync(cancellation).ConfigureAwait(false);
            try
            {
                ObjectDisposedException.ThrowIf(_disposed, this);
                _model.ThrowIfDisposed();
                string text = answer.Run(prompt, _conversation, _decision, cancellation);
                if (_options.KeepConversation)
                {
                    _conversation.Add(new("user", prompt));
                    _conversation.Add(new("assistant", text));
                    _decision = answer.Report?.Decision ?? _decision;
                }
                LastReport = answer.Report;
            }
            finally
            {
                _model.Gate.Release();
            }
        }
        finally
        {
            // The enumeration ends either way; a failure reaches the caller through the awaited task.
            pieces.Complete();
        }
    }
}
