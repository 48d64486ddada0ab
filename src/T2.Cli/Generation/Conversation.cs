using System.Diagnostics;
using System.Text;
using T2.Llama;
using T2.Runtime;

namespace T2.Cli;

/// <summary>A loaded model and what is being said to it: the part that one-shot and interactive runs share.</summary>
internal sealed class Conversation : IAsyncDisposable
{
    private readonly Terminal _terminal;
    private readonly RunRequest _request;
    private readonly AdaptiveModel _model;
    private AdaptiveSession _session;
    private TimeSpan? _loadTime;

    private Conversation(Terminal terminal, RunRequest request, AdaptiveModel model, AdaptiveSession session, Adaptation adaptation, TimeSpan loadTime)
    {
        _terminal = terminal;
        _request = request;
        _model = model;
        _session = session;
        Adaptation = adaptation;
        _loadTime = loadTime;
    }

    /// <summary>Which weights answer the next prompt.</summary>
    internal Adaptation Adaptation { get; set; }

    /// <summary>The experts at hand.</summary>
    internal ExpertLibrary Experts => _model.Experts;

    /// <summary>How the last prompt was answered; null before the first.</summary>
    internal AskReport? LastReport => _session.LastReport;

    /// <summary>Loads the model and its experts, and checks all that was asked for against them.</summary>
    internal static async Task<Conversation> OpenAsync(Terminal terminal, RunRequest request, CancellationToken cancellation)
    {
        // Experts first: a typing error in their names should not cost the loading of a model.
        var experts = new ExpertLibrary();
        ExpertCatalog.AddTo(experts, request.Experts, terminal);
        var adaptation = Adapt(request, experts);
        IDispatchStrategy strategy = request is { Dispatches: true, Search: null } ? request.Choice.Create(experts) : new ScoredChoiceDispatch();

        long started = Stopwatch.GetTimestamp();
        var model = await LoadAsync(request.ModelPath, request.Model, cancellation).ConfigureAwait(false);
        try
        {
            foreach (var expert in experts.Experts.Concat(experts.Classifiers))
            {
                ExpertFit.Verify(expert, model.File, model.Fingerprint, request.Model.AllowOtherBase);
                model.Experts.Add(expert);
            }
            CheckTemplate(model, request.ChatTemplate);
            CheckSampling(model, request.Sampling);
            if (request.Search is { } search)
            {
                var format = new BatchOptions { Format = Format(request.ChatTemplate), Threads = request.Threads };
                var found = await SearchRunner.RunAsync(terminal, model, experts.Experts, search, format, cancellation).ConfigureAwait(false);
                strategy = new FewShotDispatch(found.Found);
            }
            var session = OpenSession(model, request, strategy);
            return new Conversation(terminal, request, model, session, adaptation, Stopwatch.GetElapsedTime(started));
        }
        catch
        {
            await model.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Answers one prompt: the text, or one JSON object, to stdout; timings to stderr where asked for.</summary>
    internal async Task AskAsync(string prompt, CancellationToken cancellation)
    {
        using var progress = new FactorProgressDisplay(_terminal);
        var options = new AskOptions
        {
            Adaptation = Adaptation,
            MaxTokens = _request.MaxTokens,
            Sampling = _request.Sampling,
            Progress = progress,
            FactorProgress = progress,
        };
        var answer = new StringBuilder();
        try
        {
            await foreach (string piece in _session.AskAsync(prompt, options, cancellation).ConfigureAwait(false))
            {
                answer.Append(piece);
                if (_request.Json)
                    continue;
                _terminal.Out.Write(piece);
                _terminal.Out.Flush();
            }
        }
        catch (OperationCanceledException cancelled) when (progress.Explain(cancelled) is { } stopped)
        {
            throw stopped;
        }
        finally
        {
            if (!_request.Json && answer.Length > 0 && answer[^1] != '\n')
                _terminal.Out.WriteLine();
            _terminal.Out.Flush();
        }
        if (_request.Json)
            Json.Write(_terminal.Out, AnswerReport.Of(answer.ToString(), LastReport!, _model), JsonReports.Default.AnswerReport);
        if (_request.Verbose)
            ShowTimings();
        else if (LastReport!.Note is { } note)
            _terminal.Note(note);
    }

    /// <summary>The answer to one prompt as it comes, under weights and sampling of the caller's choice; nothing is printed.</summary>
    internal IAsyncEnumerable<string> PiecesAsync(string prompt, Adaptation adaptation, int maxTokens, LlamaSamplingOptions sampling, CancellationToken cancellation) =>
        _session.AskAsync(prompt, new AskOptions { Adaptation = adaptation, MaxTokens = maxTokens, Sampling = sampling }, cancellation);

    /// <summary>Shows the timings of the last answer.</summary>
    internal void ShowTimings()
    {
        if (LastReport is not { } report)
        {
            _terminal.Note("Nothing has been answered yet.");
            return;
        }
        TimingsTable.Print(_terminal, report, _loadTime);
        _loadTime = null;
    }

    /// <summary>Forgets what was said.</summary>
    internal void Clear() => _session.ClearConversation();

    /// <summary>Goes on with another way to dispatch, and an empty conversation.</summary>
    internal async Task DispatchWithAsync(IDispatchStrategy strategy)
    {
        await _session.DisposeAsync().ConfigureAwait(false);
        _session = OpenSession(_model, _request, strategy);
        Adaptation = Adaptation.Dispatch;
    }

    public async ValueTask DisposeAsync()
    {
        await _session.DisposeAsync().ConfigureAwait(false);
        await _model.DisposeAsync().ConfigureAwait(false);
    }

    private static Adaptation Adapt(RunRequest request, ExpertLibrary experts)
    {
        if (request.Expert is { } expert)
            return Adaptation.To(ExpertCatalog.Find(experts, expert));
        if (request.Mix is { } recipe)
            return ExpertCatalog.Mix(experts, recipe);
        return request.Dispatches ? Adaptation.Dispatch : Adaptation.Base;
    }

    /// <summary>Loads a model; what llama.cpp cannot load is a bad file.</summary>
    internal static async Task<AdaptiveModel> LoadAsync(string path, ModelOptions options, CancellationToken cancellation)
    {
        try
        {
            return await AdaptiveModel.LoadAsync(path, options, cancellation).ConfigureAwait(false);
        }
        catch (LlamaException exception) when (exception is not (LlamaLibraryNotFoundException or LlamaAbiException))
        {
            throw new BadFileException(exception.Message, exception);
        }
    }

    private static void CheckTemplate(AdaptiveModel model, string? chosen)
    {
        if (chosen is null && model.Native.ChatTemplate is { } own && LlamaChat.Apply(own, [new("user", "")], addAssistant: true) is null)
            throw new MisfitException($"{model.File.Path} has a chat template that llama.cpp does not recognise; name one with --chat-template, or use 'plain'.");
    }

    private static void CheckSampling(AdaptiveModel model, LlamaSamplingOptions sampling)
    {
        try
        {
            using var sampler = new LlamaSampler(model.Native, sampling);
        }
        catch (Exception exception) when (exception is LlamaException or ArgumentException)
        {
            throw new UsageException(Failure.WithoutParameter(exception));
        }
    }

    private static AdaptiveSession OpenSession(AdaptiveModel model, RunRequest request, IDispatchStrategy strategy) => model.CreateSession(new SessionOptions
    {
        ContextLength = request.ContextLength ?? Math.Min(new SessionOptions().ContextLength, model.Native.ContextLength),
        Threads = request.Threads,
        Dispatch = strategy,
        Format = Format(request.ChatTemplate),
        SystemMessage = request.SystemPrompt,
        KeepConversation = request.Interactive,
    });

    internal static ChatFormat Format(string? name)
    {
        if (name is null)
            return ChatFormat.Auto;
        if (name == ChatFormat.Plain.Name)
            return ChatFormat.Plain;
        try
        {
            return ChatFormat.Named(name);
        }
        catch (ArgumentException exception)
        {
            throw new UsageException(Failure.WithoutParameter(exception));
        }
    }
}
