using System.Text;
using T2.Llama;

namespace T2.Runtime;

/// <summary>The model on the weights of pass 1, as a dispatch strategy sees it.</summary>
internal sealed class DispatchReader(AdaptedContext context, ChatFormat format, KeptPrefixes? kept = null) : IDispatchReader
{
    private readonly KeptPrefixes _kept = kept ?? new KeptPrefixes();
    private string? _system;

    public string Render(string system, string user)
    {
        // What is rendered is what is scored next, so its beginning is worth keeping.
        _system = system;
        return format.Render(context.Model, [new("system", system), new("user", user)]);
    }

    public double[] Score(string prompt, IReadOnlyList<string> continuations, CancellationToken cancellation, out int tokens)
    {
        double[] scores = ScoreAll([prompt], continuations, cancellation, out int[] each)[0];
        tokens = each[0];
        return scores;
    }

    public double[][] ScoreAll(IReadOnlyList<string> prompts, IReadOnlyList<string> continuations, CancellationToken cancellation, out int[] tokens)
    {
        ArgumentNullException.ThrowIfNull(prompts);
        ArgumentNullException.ThrowIfNull(continuations);
        ScoredPrompt[] scored = [.. prompts.Select(prompt => Tokenize(prompt, continuations))];
        // A prefix that some tokenizer joins with a question's first letters is no prefix of that question.
        int[] instruction = _system is null ? [] : _kept.TokensOf(context.Model, format, _system);
        int[] prefix = scored.All(prompt => prompt.Shared > instruction.Length && prompt.Texts[0].AsSpan().StartsWith(instruction)) ? instruction : [];
        foreach (var prompt in scored)
        {
            int needed = prefix.Length + ContinuationScorer.RoomFor(prompt, prefix.Length);
            if (needed > context.Capacity)
                throw new PromptTooLongException(needed, context.Capacity, "The question with the dispatch instruction");
        }
        tokens = new int[scored.Length];
        return new ContinuationScorer(context, _kept).Score(scored, prefix, tokens, cancellation);
    }

    public string Continue(string prompt, int maxTokens, CancellationToken cancellation, out int tokens)
    {
        int[] text = PromptTokens.Of(context.Model, prompt);
        if (text.Length + maxTokens > context.Capacity)
            throw new PromptTooLongException(text.Length + maxTokens, context.Capacity, "The question with the dispatch instruction and its answer");
        context.Begin();
        int index = context.Prefill(text, 0, cancellation);
        tokens = text.Length;
        using var greedy = new LlamaSampler(context.Model, LlamaSamplingOptions.Greedy);
        var decoder = new Utf8PieceDecoder();
        var answer = new StringBuilder();
        for (int generated = 0; generated < maxTokens; generated++)
        {
            cancellation.ThrowIfCancellationRequested();
            int token = greedy.Sample(context.Native, index);
            if (context.Model.Vocabulary.IsEndOfGeneration(token))
                break;
            answer.Append(decoder.Append(context.Model.Vocabulary.TokenToPiece(token)));
            context.Step(token, text.Length + generated, cancellation);
            tokens++;
            index = 0;
        }
        return answer.Append(decoder.Flush()).ToString();
    }

    /// <summary>
    /// Tokenising prompt and continuation together gives the tokens the model was trained to see. Tokenizers split texts at control tokens, so that only what follows
    /// the last one differs from one continuation to the next; whether this one does is seen on the first continuation.
    /// </summary>
    private ScoredPrompt Tokenize(string prompt, IReadOnlyList<string> continuations)
    {
        var vocabulary = context.Model.Vocabulary;
        var texts = new int[continuations.Count][];
        texts[0] = PromptTokens.Of(context.Model, prompt + continuations[0]);
        int head = Array.FindLastIndex(texts[0], vocabulary.IsControl);
        int from = head < 1 ? -1 : prompt.LastIndexOf(vocabulary.Detokenize([texts[0][head]], special: true), StringComparison.Ordinal);
        string tail = from < 0 ? "" : prompt[from..];
        bool splits = from >= 0 && Tail(0).AsSpan().SequenceEqual(texts[0].AsSpan(head));
        for (int index = 1; index < texts.Length; index++)
            texts[index] = splits ? [.. texts[0].AsSpan(0, head), .. Tail(index)] : PromptTokens.Of(context.Model, prompt + continuations[index]);
        int shared = Math.Min(texts.Min(static text => text.Length) - 1, texts.Min(text => text.AsSpan().CommonPrefixLength(texts[0])));
        return shared >= 1 ? new ScoredPrompt(texts, shared) : throw new ArgumentException("The prompt is empty.", nameof(prompt));

        int[] Tail(int index) => vocabulary.Tokenize(tail + continuations[index], addSpecial: false, parseSpecial: true);
    }

    /// <summary>log Σ exp(logits), in fp64.</summary>
    internal static double LogTotal(ReadOnlySpan<float> logits)
    {
        float highest = float.NegativeInfinity;
        foreach (float logit in logits)
            highest = Math.Max(highest, logit);
        double total = 0;
        foreach (float logit in logits)
            total += Math.Exp(logit - highest);
        return highest + Math.Log(total);
    }
}
