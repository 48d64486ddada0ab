using System.Text;
using T2.Llama;

namespace T2.Runtime;

/// <summary>The model on its base weights, as a dispatch strategy sees it.</summary>
internal sealed class DispatchReader(AdaptedContext context, ChatFormat format) : IDispatchReader
{
    public string Render(string system, string user) => format.Render(context.Model, [new("system", system), new("user", user)]);

    public double[] Score(string prompt, IReadOnlyList<string> continuations, CancellationToken cancellation, out int tokens)
    {
        ArgumentNullException.ThrowIfNull(continuations);
        // Tokenising prompt and continuation together gives the tokens the model was trained to see; the shared start is decoded once.
        int[][] texts = [.. continuations.Select(continuation => PromptTokens.Of(context.Model, prompt + continuation))];
        int shared = texts.Min(static text => text.Length) - 1;
        foreach (int[] text in texts)
            shared = Math.Min(shared, text.AsSpan().CommonPrefixLength(texts[0]));
        if (shared < 1)
            throw new ArgumentException("The prompt is empty.", nameof(prompt));

        int needed = shared + texts.Sum(text => text.Length - shared);
        if (needed > context.Capacity)
            throw new PromptTooLongException(needed, context.Capacity, "The question with the dispatch instruction");

        context.Begin();
        int last = context.Prefill(texts[0].AsSpan(0, shared), 0, cancellation);
        tokens = shared;
        var first = context.Logits(last);
        var scores = new double[texts.Length];
        for (int index = 0; index < texts.Length; index++)
            scores[index] = LogProbability(first, texts[index][shared]);

        int done = 0;
        while (done < texts.Length)
        {
            cancellation.ThrowIfCancellationRequested();
            done = ScoreGroup(texts, done, shared, scores, ref tokens, cancellation);
        }
        return scores;
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

    /// <summary>Scores the continuations from <paramref name="start"/> on that fit one batch, a sequence each, and returns where the next group begins.</summary>
    private int ScoreGroup(int[][] texts, int start, int shared, double[] scores, ref int tokens, CancellationToken cancellation)
    {
        var batch = context.EmptyBatch();
        var outputs = new List<(int BatchIndex, int Continuation, int Expected)>();
        int end = start;
        for (; end < texts.Length && end - start < context.MaxSequences - 1; end++)
        {
            int length = texts[end].Length - shared - 1;
            if (batch.Count + length > context.BatchSize)
            {
                if (batch.Count > 0)
                    break;
                throw new PromptTooLongException(length, context.BatchSize, "A label");
            }
            int sequence = end - start + 1;
            context.Native.SequenceCopy(0, sequence);
            for (int position = shared; position < texts[end].Length - 1; position++)
            {
                outputs.Add((batch.Count, end, texts[end][position + 1]));
                batch.Add(texts[end][position], position, sequence, true);
            }
        }
        if (batch.Count > 0)
        {
            context.Decode(cancellation);
            tokens += batch.Count;
            foreach (var (batchIndex, continuation, expected) in outputs)
                scores[continuation] += LogProbability(context.Logits(batchIndex), expected);
        }
        for (int sequence = 1; sequence <= end - start; sequence++)
            context.Native.SequenceRemove(sequence);
        return end;
    }

    /// <summary>log softmax(logits)[token], in fp64.</summary>
    internal static double LogProbability(ReadOnlySpan<float> logits, int token)
    {
        float highest = float.NegativeInfinity;
        foreach (float logit in logits)
            highest = Math.Max(highest, logit);
        double total = 0;
        foreach (float logit in logits)
            total += Math.Exp(logit - highest);
        return logits[token] - highest - Math.Log(total);
    }
}
