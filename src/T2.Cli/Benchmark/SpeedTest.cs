using System.Diagnostics;
using T2.Llama;

namespace T2.Cli;

/// <summary>Prompt and generation speed as llama-bench measures them: random tokens, a prompt in batches of 2048, generation a token at a time from an empty context.</summary>
internal sealed class SpeedTest : IDisposable
{
    private const int BatchSize = 2048;
    private const int MicroBatchSize = 512;

    private readonly LlamaContext _context;
    private readonly LlamaBatch _batch;
    private readonly int[] _tokens;

    internal SpeedTest(LlamaModel model, int prompt, int generated, int threads)
    {
        int batch = Math.Clamp(prompt, 1, BatchSize);
        _context = LlamaContext.Create(model, new LlamaContextOptions
        {
            ContextLength = (uint)Math.Max(prompt, generated),
            BatchSize = batch,
            MicroBatchSize = Math.Min(batch, MicroBatchSize),
            Threads = threads,
            BatchThreads = threads,
        });
        _batch = new LlamaBatch(batch);
        var random = new Random(1);
        _tokens = [.. Enumerable.Range(0, Math.Max(prompt, generated)).Select(_ => random.Next(model.VocabularySize))];
    }

    /// <summary>Puts what follows under a LoRA adapter, or none.</summary>
    internal void Use(LlamaLoraAdapter? lora) => _context.SetLoraAdapters(lora is null ? [] : [new LlamaLoraUse(lora)]);

    /// <summary>Tokens per second.</summary>
    /// <param name="count">Tokens to decode.</param>
    /// <param name="atOnce">Most tokens of one decode: 1 = generation.</param>
    internal double Run(int count, int atOnce, CancellationToken cancellation)
    {
        _context.ClearMemory();
        long started = Stopwatch.GetTimestamp();
        for (int done = 0; done < count;)
        {
            _batch.Clear();
            for (int end = Math.Min(count, done + Math.Min(atOnce, _batch.Capacity)); done < end; done++)
                _batch.Add(_tokens[done], done, 0, done == end - 1);
            _context.Decode(_batch, cancellation);
        }
        _context.Synchronize();
        return count / Stopwatch.GetElapsedTime(started).TotalSeconds;
    }

    public void Dispose() => _context.Dispose();
}
