using System.Diagnostics;
using System.Text;
using System.Threading.Channels;
using T2.Gguf.Experts;
using T2.Llama;

namespace T2.Runtime;

/// <summary>One prompt on its way through the stages. Runs on one worker thread, with the model's gate held.</summary>
internal sealed class Answer(
    AdaptiveModel model, AdaptedContext context, KeptPrefixes kept, SessionOptions session, AskOptions options, ChannelWriter<string> pieces)
{
    private readonly List<StageReport> _stages = [];
    private readonly long _started = Stopwatch.GetTimestamp();
    private string? _note;

    internal AskReport? Report { get; private set; }

    internal async Task WaitForTurnAsync(CancellationToken cancellation)
    {
        long started = Stopwatch.GetTimestamp();
        await model.Gate.WaitAsync(cancellation).ConfigureAwait(false);
        Finish(Stage.Wait, started, 0, "");
    }

    /// <summary>Runs the stages and returns the whole answer.</summary>
    /// <param name="prompt">The user's message.</param>
    /// <param name="conversation">What was said before.</param>
    /// <param name="earlier">The decision that the conversation stays with; null = none was made.</param>
    /// <param name="cancellation">Observed everywhere.</param>
    internal string Run(string prompt, IReadOnlyList<LlamaChatMessage> conversation, DispatchDecision? earlier, CancellationToken cancellation)
    {
        var messages = Messages(prompt, conversation);
        int[] tokens = PromptTokens.Of(model.Native, session.Format.Render(model.Native, messages));
        if (tokens.Length == 0)
            throw new ArgumentException("The prompt is empty.", nameof(prompt));
        if (tokens.Length >= context.Capacity)
            throw new PromptTooLongException(tokens.Length, context.Capacity, "The prompt");
        using var sampler = new LlamaSampler(model.Native, options.Sampling);

        var expert = options.Adaptation is Adaptation.FixedChoice choice ? choice.Expert : null;
        DispatchDecision? decision = null;
        if (options.Adaptation is Adaptation.DispatchChoice)
        {
            decision = earlier is null || options.Redispatch ? Dispatch(prompt, cancellation) : Keep(earlier);
            expert = decision.Found ?? (decision.Expert is { } name ? model.Experts.Get(name) : null);
        }
        Rebuild(expert, cancellation);
        cancellation.ThrowIfCancellationRequested();

        int logits = Prefill(tokens, cancellation);
        return Generate(tokens.Length, logits, sampler, expert, decision, cancellation);
    }

    private List<LlamaChatMessage> Messages(string prompt, IReadOnlyList<LlamaChatMessage> conversation)
    {
        var messages = new List<LlamaChatMessage>(conversation.Count + 2);
        if (!string.IsNullOrEmpty(session.SystemMessage))
            messages.Add(new("system", session.SystemMessage));
        if (session.KeepConversation)
            messages.AddRange(conversation);
        messages.Add(new("user", prompt));
        return messages;
    }

    private DispatchDecision Keep(DispatchDecision earlier)
    {
        var kept = earlier with { Tokens = 0, Reason = "the conversation's" };
        Finish(Stage.Dispatch, Stopwatch.GetTimestamp(), 0, $"{kept.Expert ?? ExpertLibrary.Other} ({kept.Reason})");
        return kept;
    }

    private DispatchDecision Dispatch(string prompt, CancellationToken cancellation)
    {
        var strategy = options.Dispatch ?? session.Dispatch;
        var labels = model.Experts.Labels;
        if (strategy.ReadsPrompt)
            PrepareFirstPass(labels.Count > 0 ? strategy.Classifier : null, cancellation);
        cancellation.ThrowIfCancellationRequested();

        long started = Stopwatch.GetTimestamp();
        var decision = strategy.ReadsPrompt && labels.Count == 0
            ? new DispatchDecision(null, 1, [], 0, "there are no experts to choose from")
            : strategy.Decide(new DispatchReader(context, session.Format, kept), prompt, labels, cancellation);
        Finish(
            Stage.Dispatch,
            started,
            decision.Tokens,
            FormattableString.Invariant($"{decision.Expert ?? ExpertLibrary.Other} ({decision.Confidence:P0}; {decision.Reason})"));
        return decision;
    }

    /// <summary>Puts the weights on what pass 1 reads under.</summary>
    private void PrepareFirstPass(Expert? classifier, CancellationToken cancellation)
    {
        long started = Stopwatch.GetTimestamp();
        if (classifier is null)
        {
            var reset = model.Adapter.Reset();
            Finish(Stage.Reset, started, 0, reset.Weights == 0 ? "on the base already" : $"{reset.Weights} weights to the base");
            return;
        }
        var report = model.Adapter.Apply(classifier, model.FactorsFor(classifier, options.FactorProgress, cancellation), cancellation);
        Finish(Stage.Reset, started, 0, report.Weights == 0 ? $"on '{classifier.Name}' already" : $"{report.Weights} weights to '{classifier.Name}'");
    }

    private void Rebuild(Expert? expert, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        long started = Stopwatch.GetTimestamp();
        if (expert is null)
        {
            var reset = model.Adapter.Reset();
            Finish(Stage.Rebuild, started, 0, reset.Weights == 0 ? "base weights" : $"{reset.Weights} weights to the base");
            return;
        }
        var factors = model.FactorsFor(expert, options.FactorProgress, cancellation);
        Finish(Stage.Factor, started, 0, $"{expert.Vectors.Count} factored weights at hand");

        cancellation.ThrowIfCancellationRequested();
        started = Stopwatch.GetTimestamp();
        var rebuilt = model.Adapter.Apply(expert, factors, cancellation);
        string how = rebuilt.Rebuilt > 0 ? "rebuilt" : rebuilt.Mixed > 0 ? "mixed" : rebuilt.Loaded > 0 ? "loaded" : rebuilt.Weights > 0 ? "prepared" : "in place already";
        string detail = FormattableString.Invariant($"'{expert.Name}' {how}: {rebuilt.Weights} weights, {rebuilt.Bytes / 1e6:0.0} MB");
        if (model.Precision != AdaptedPrecision.Base && rebuilt.Weights > 0)
            detail += FormattableString.Invariant($", {rebuilt.Raised} of them in a finer type than the base's");
        if (rebuilt.OnDevice > 0)
            detail += FormattableString.Invariant($", {rebuilt.OnDevice} of them on the GPU");
        if (rebuilt.InPlace > 0)
            detail += FormattableString.Invariant($" ({rebuilt.InPlace} in place: no room to keep them)");
        _note = rebuilt.Note;
        if (_note is not null)
            detail += "; " + _note;
        Finish(Stage.Rebuild, started, 0, detail);
    }

    private int Prefill(int[] tokens, CancellationToken cancellation)
    {
        long started = Stopwatch.GetTimestamp();
        context.Begin();
        int logits = context.Prefill(tokens, 0, cancellation);
        Finish(Stage.Prefill, started, tokens.Length, "");
        return logits;
    }

    private string Generate(int promptTokens, int logits, LlamaSampler sampler, Expert? expert, DispatchDecision? decision, CancellationToken cancellation)
    {
        long started = Stopwatch.GetTimestamp();
        var vocabulary = model.Native.Vocabulary;
        var decoder = new Utf8PieceDecoder();
        var text = new StringBuilder();
        var timeToFirstToken = TimeSpan.Zero;
        int last = 0;
        int generated = 0;
        var stopReason = StopReason.MaxTokens;
        while (options.MaxTokens < 0 || generated < options.MaxTokens)
        {
            cancellation.ThrowIfCancellationRequested();
            if (generated > 0)
            {
                int position = promptTokens + generated - 1;
                if (position >= context.Capacity)
                {
                    stopReason = StopReason.ContextFull;
                    break;
                }
                context.Step(last, position, cancellation);
                logits = 0;
            }
            last = sampler.Sample(context.Native, logits);
            if (generated == 0)
                timeToFirstToken = Stopwatch.GetElapsedTime(_started);
            if (!options.IgnoreEnd && vocabulary.IsEndOfGeneration(last))
            {
                stopReason = StopReason.EndOfGeneration;
                break;
            }
            generated++;
            Emit(decoder.Append(vocabulary.TokenToPiece(last)), text);
        }
        Emit(decoder.Flush(), text);
        Finish(Stage.Decode, started, generated, "");
        Report = new AskReport(expert?.Name, decision, _stages, timeToFirstToken, promptTokens, generated, stopReason) { Note = _note };
        return text.ToString();
    }

    private void Emit(string piece, StringBuilder text)
    {
        if (piece.Length == 0)
            return;
        text.Append(piece);
        pieces.TryWrite(piece);
    }

    private void Finish(Stage stage, long started, int tokens, string detail)
    {
        var report = new StageReport(stage, Stopwatch.GetElapsedTime(started), tokens, detail);
        _stages.Add(report);
        options.Progress?.Report(report);
    }
}
