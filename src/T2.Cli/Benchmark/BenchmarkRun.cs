using System.Diagnostics;
using T2.Gguf.Experts;
using T2.Llama;
using T2.Runtime;

namespace T2.Cli;

/// <summary>Measures a loaded model: speeds on the base, on experts and under LoRA adapters in turns, then what experts cost to change to.</summary>
/// <param name="model">Its factors are complete.</param>
/// <param name="prompt">Tokens of the prompt test; 0 = leave it out.</param>
/// <param name="generated">Tokens of the generation test; 0 = leave it out.</param>
internal sealed class BenchmarkRun(AdaptiveModel model, int prompt, int generated, int repetitions, int threads)
{
    /// <summary>Switches measured per repetition: one takes microseconds.</summary>
    private const int SwitchesPerRepetition = 10;

    private const string Question = "What is 17 * 23, and which of its digits is the largest?";

    /// <summary>Tokens per second of every kind of weights. Every second repetition takes them backwards, so that a drift of the machine favours none.</summary>
    internal async Task<List<BenchmarkRow>> SpeedsAsync(IReadOnlyList<Expert> experts, IReadOnlyList<LlamaLoraAdapter> loras, CancellationToken cancellation)
    {
        if (prompt == 0 && generated == 0)
            return [];
        using var test = new SpeedTest(model.Native, prompt, generated, threads);
        var variants = new List<(string Name, Expert? Expert, LlamaLoraAdapter? Lora)> { ("base", null, null) };
        variants.AddRange(experts.Select(static expert => (expert.Name, (Expert?)expert, (LlamaLoraAdapter?)null)));
        variants.AddRange(loras.Select(static lora => ("lora:" + Path.GetFileNameWithoutExtension(lora.Path), (Expert?)null, (LlamaLoraAdapter?)lora)));
        var speeds = variants.Select(static _ => (Prompt: new List<double>(), Generated: new List<double>())).ToArray();
        for (int repetition = -1; repetition < repetitions; repetition++)
        {
            for (int turn = 0; turn < variants.Count; turn++)
            {
                int index = repetition % 2 == 0 ? turn : variants.Count - 1 - turn;
                var (_, expert, lora) = variants[index];
                await EnterAsync(expert, cancellation).ConfigureAwait(false);
                test.Use(lora);
                // One token touches every weight: else what comes twice in a row, where the order turns round, would find its own in the caches and no other would.
                test.Run(1, 1, cancellation);
                // The warm-up touches every page and thread once; it is not counted.
                bool warmUp = repetition < 0;
                if (prompt > 0)
                    Keep(speeds[index].Prompt, test.Run(prompt, prompt, cancellation), warmUp);
                if (generated > 0)
                    Keep(speeds[index].Generated, test.Run(warmUp ? 1 : generated, 1, cancellation), warmUp);
            }
        }
        var rows = new List<BenchmarkRow>();
        for (int index = 0; index < variants.Count; index++)
        {
            if (prompt > 0)
                rows.Add(BenchmarkRow.Of(variants[index].Name, $"pp{prompt}", BenchmarkRow.Speed, speeds[index].Prompt, speeds[0].Prompt));
            if (generated > 0)
                rows.Add(BenchmarkRow.Of(variants[index].Name, $"tg{generated}", BenchmarkRow.Speed, speeds[index].Generated, speeds[0].Generated));
        }
        return rows;
    }

    /// <summary>Milliseconds to rebuild an expert from its factors, to switch to it where it is kept in memory, and to return to the base.</summary>
    internal async Task<List<BenchmarkRow>> ChangesAsync(Expert expert, CancellationToken cancellation)
    {
        var (rebuilds, switches, resets) = (new List<double>(), new List<double>(), new List<double>());
        for (int repetition = -1; repetition < repetitions; repetition++)
        {
            // Another object is another expert: nothing of it is kept.
            var rebuilt = await model.ApplyAsync(Copy(expert), cancellation: cancellation).ConfigureAwait(false);
            await model.ResetAsync(cancellation).ConfigureAwait(false);
            Keep(rebuilds, rebuilt.Elapsed.TotalMilliseconds, repetition < 0);
        }
        await model.ApplyAsync(expert, cancellation: cancellation).ConfigureAwait(false);
        for (int round = 0; round < repetitions * SwitchesPerRepetition; round++)
        {
            long started = Stopwatch.GetTimestamp();
            await model.ResetAsync(cancellation).ConfigureAwait(false);
            resets.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
            switches.Add((await model.ApplyAsync(expert, cancellation: cancellation).ConfigureAwait(false)).Elapsed.TotalMilliseconds);
        }
        return
        [
            BenchmarkRow.Of(expert.Name, "rebuild", BenchmarkRow.Time, rebuilds),
            BenchmarkRow.Of(expert.Name, "switch, kept in memory", BenchmarkRow.Time, switches),
            BenchmarkRow.Of(expert.Name, "reset to base", BenchmarkRow.Time, resets),
        ];
    }

    /// <summary>Milliseconds to the first token of a two-pass answer, stage by stage: dispatch, then the expert, rebuilt or kept in memory.</summary>
    /// <param name="experts">What dispatch chooses from: it reads them all.</param>
    /// <param name="expert">The one that answers.</param>
    internal async Task<List<BenchmarkRow>> FirstTokenAsync(IReadOnlyList<Expert> experts, Expert expert, CancellationToken cancellation)
    {
        foreach (var known in experts.Where(known => !model.Experts.TryGet(known.Name, out _)))
            model.Experts.Add(known);
        var rows = new List<BenchmarkRow>();
        foreach (bool kept in (bool[])[false, true])
        {
            await using var session = model.CreateSession(new SessionOptions
            {
                ContextLength = Math.Min(new SessionOptions().ContextLength, model.Native.ContextLength),
                Threads = threads,
                Dispatch = new FixedDispatch(new ScoredChoiceDispatch(), () => kept ? expert : Copy(expert)),
            });
            var reports = new List<AskReport>();
            for (int repetition = -1; repetition < repetitions; repetition++)
            {
                await foreach (string _ in session.AskAsync(Question, new AskOptions { MaxTokens = 1 }, cancellation).ConfigureAwait(false))
                {
                }
                if (repetition >= 0)
                    reports.Add(session.LastReport!);
            }
            string how = kept ? "first token, kept" : "first token, rebuilt";
            rows.Add(BenchmarkRow.Of(expert.Name, how, BenchmarkRow.Time, [.. reports.Select(static report => report.TimeToFirstToken.TotalMilliseconds)]));
            foreach (var stage in (Stage[])[Stage.Reset, Stage.Dispatch, Stage.Rebuild, Stage.Prefill])
                rows.Add(BenchmarkRow.Of(expert.Name, $"{how}: {AnswerReport.Name(stage)}", BenchmarkRow.Time, [.. reports.Select(report => report.TimeOf(stage).TotalMilliseconds)]));
        }
        return rows;
    }

    private async Task EnterAsync(Expert? expert, CancellationToken cancellation)
    {
        if (expert is null)
            await model.ResetAsync(cancellation).ConfigureAwait(false);
        else
            await model.ApplyAsync(expert, cancellation: cancellation).ConfigureAwait(false);
    }

    private static Expert Copy(Expert expert) => new(expert.Name, expert.Architecture, expert.BaseFingerprint, expert.Vectors, expert.Description);

    private static void Keep(List<double> samples, double sample, bool warmUp)
    {
        if (!warmUp)
            samples.Add(sample);
    }
}
