using T2.Gguf.Experts;
using T2.Llama;

namespace T2.Runtime.Search;

/// <summary>How likely a model finds given answers, many at a time: what tells candidates apart that answer equally many questions right.</summary>
internal sealed class AnswerLikelihood : IDisposable
{
    private readonly AdaptiveModel _model;
    private readonly AdaptedContext _context;
    private readonly KeptPrefixes _kept = new();
    private readonly ScoredPrompt[] _prompts;

    internal AnswerLikelihood(AdaptiveModel model, BatchOptions options, IReadOnlyList<(string Prompt, string Answer)> texts)
    {
        _model = model;
        _prompts = [.. texts.Select(text => Tokenize(model.Native, text.Prompt, text.Answer))];
        int longest = _prompts.Max(static prompt => prompt.Texts[0].Length);
        int threads = options.ThreadsFor(model.Native.SizeInBytes);
        _context = new AdaptedContext(model.Native, model.Adapter, new LlamaContextOptions
        {
            ContextLength = (uint)Math.Max(longest, Math.Min(_prompts.Sum(static prompt => prompt.Texts[0].Length), 4096)),
            BatchSize = 512,
            MicroBatchSize = 512,
            MaxSequences = Math.Min(_prompts.Length + 1, 64),
            UnifiedKv = true,
            Threads = threads,
            BatchThreads = threads,
        });
    }

    /// <summary>Mean over the texts of log p(answer | prompt) per token of the answer, natural.</summary>
    internal async Task<double> MeanAsync(Expert? expert, CancellationToken cancellation)
    {
        await _model.Gate.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            return await Task.Run(() => Mean(expert, cancellation), cancellation).ConfigureAwait(false);
        }
        finally
        {
            _model.Gate.Release();
        }
    }

    public void Dispose() => _context.Dispose();

    private double Mean(Expert? expert, CancellationToken cancellation)
    {
        if (expert is null)
            _model.Adapter.Reset();
        else
            _model.Adapter.Apply(expert, _model.FactorsFor(expert, null, cancellation), cancellation);
        double[][] scores = new ContinuationScorer(_context, _kept).Score(_prompts, [], new int[_prompts.Length], cancellation);
        return scores.Select((score, index) => score[0] / (_prompts[index].Texts[0].Length - _prompts[index].Shared)).Average();
    }

    private static ScoredPrompt Tokenize(LlamaModel model, string prompt, string answer)
    {
        int[] alone = PromptTokens.Of(model, prompt);
        int[] text = PromptTokens.Of(model, prompt + answer);
        int shared = Math.Min(alone.AsSpan().CommonPrefixLength(text), text.Length - 1);
        return shared >= 1 ? new ScoredPrompt([text], shared) : throw new ArgumentException("A shot has an empty prompt or an empty answer.");
    }
}
