using System.Diagnostics;
using System.Globalization;
using T2.Llama;
using T2.Runtime;

namespace T2.Bench.Verbs;

/// <summary>
/// <c>decode --model FILE [--prompt N] [--tokens N] [--rounds N] [--threads N] [--factors FILE] [--loras none|R,R] [--gpu-layers N]</c>: prompt and generation
/// speed on the base, on a T2 expert and under llama.cpp LoRA adapters (ranks 16 and 64 unless told otherwise), all through the same library in one run, taking turns. An
/// expert is weights, so it should cost nothing. Every other round goes backwards; "of base" is the median of the rounds' own ratios, with their quartiles.
/// </summary>
internal static class Decode
{
    public static int Run(ReadOnlySpan<string> args)
    {
        var options = new Options(args, "--model", "--prompt", "--tokens", "--rounds", "--threads", "--factors", "--loras", "--gpu-layers");
        int Number(string name, int fallback) => options.Find(name) is { } text ? int.Parse(text, CultureInfo.InvariantCulture) : fallback;
        int[] ranks = (options.Find("--loras") ?? "16,64") is var list && list == "none" ? [] : [.. list.Split(',').Select(static rank => int.Parse(rank, CultureInfo.InvariantCulture))];
        RunAsync(
            options.Require("--model"), Number("--prompt", 512), Number("--tokens", 128), Number("--rounds", 5), Number("--threads", Environment.ProcessorCount),
            options.Find("--factors"), ranks, Number("--gpu-layers", 0)).GetAwaiter().GetResult();
        return 0;
    }

    private static async Task RunAsync(string path, int prompt, int tokens, int rounds, int threads, string? factors, int[] ranks, int gpuLayers)
    {
        string folder = Directory.CreateTempSubdirectory("t2-bench-").FullName;
        try
        {
            await using var model = await AdaptiveModel.LoadAsync(path, new ModelOptions
            {
                FactorPath = factors ?? Path.Combine(folder, "factors"),
                PreparedBytes = long.MaxValue,
                GpuLayers = gpuLayers,
            });
            var expert = RandomExperts.Make(model, 1, 0.2f);
            await model.ApplyAsync(expert);
            var loras = ranks.ToDictionary(static rank => $"LoRA r{rank}", rank =>
            {
                string file = Path.Combine(folder, $"r{rank}.gguf");
                RandomExperts.WriteLora(model.File, rank, file);
                return LlamaLoraAdapter.Load(model.Native, file);
            });
            using var context = LlamaContext.Create(model.Native, new LlamaContextOptions
            {
                ContextLength = (uint)(prompt + tokens + 8),
                BatchSize = prompt,
                MicroBatchSize = Math.Min(prompt, 512),
                Threads = threads,
                BatchThreads = threads,
            });

            var variants = new (string Name, Func<Task> Enter)[]
            {
                ("base", () => Enter(model, null, context, null)),
                ("T2 expert", () => Enter(model, expert, context, null)),
            }.Concat(loras.Select(lora => (Name: lora.Key, Enter: (Func<Task>)(() => Enter(model, null, context, lora.Value))))).ToArray();
            var times = variants.ToDictionary(static variant => variant.Name, static _ => (Prompt: new List<double>(), Generate: new List<double>()));
            for (int round = -1; round < rounds; round++)
            {
                foreach (var (name, enter) in round % 2 == 0 ? variants : variants.Reverse())
                {
                    await enter();
                    var (promptSeconds, generateSeconds) = Measure(context, prompt, tokens);
                    if (round < 0)
                        continue;
                    times[name].Prompt.Add(prompt / promptSeconds);
                    times[name].Generate.Add(tokens / generateSeconds);
                }
            }

            Console.WriteLine($"{Path.GetFileName(path)}, {threads} threads, {rounds} rounds taking turns after one warm-up");
            Console.WriteLine($"| variant | pp{prompt} tok/s, mean ± sd | median | of base | tg{tokens} tok/s, mean ± sd | median | of base |");
            Console.WriteLine("|---|---|---|---|---|---|---|");
            foreach (var (name, _) in variants)
            {
                var (promptSpeed, generateSpeed) = times[name];
                double p = Statistics.Median(promptSpeed), g = Statistics.Median(generateSpeed);
                Console.WriteLine(string.Create(
                    CultureInfo.InvariantCulture,
                    $"| {name} | {Statistics.MeanAndDeviation(promptSpeed)} | {p:0.0} | {OfBase(promptSpeed, times["base"].Prompt)} | {Statistics.MeanAndDeviation(generateSpeed)} | {g:0.00} | {OfBase(generateSpeed, times["base"].Generate)} |"));
            }
            foreach (var lora in loras.Values)
                lora.Dispose();
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static string OfBase(List<double> speeds, List<double> baseSpeeds)
    {
        double[] ratios = [.. speeds.Zip(baseSpeeds, static (speed, of) => speed / of).Order()];
        return string.Create(CultureInfo.InvariantCulture, $"{Statistics.Median(ratios):0.000} ({ratios[ratios.Length / 4]:0.000} to {ratios[ratios.Length * 3 / 4]:0.000})");
    }

    private static async Task Enter(AdaptiveModel model, T2.Gguf.Experts.Expert? expert, LlamaContext context, LlamaLoraAdapter? lora)
    {
        if (expert is null)
            await model.ResetAsync();
        else
            await model.ApplyAsync(expert);
        context.SetLoraAdapters(lora is null ? [] : [new LlamaLoraUse(lora)]);
    }

    private static (double Prompt, double Generate) Measure(LlamaContext context, int prompt, int tokens)
    {
        var batch = new LlamaBatch(prompt);
        context.ClearMemory();
        for (int position = 0; position < prompt; position++)
            batch.Add(3 + position % 200, position, 0, position == prompt - 1);
        long started = Stopwatch.GetTimestamp();
        context.Decode(batch);
        context.Synchronize();
        double promptSeconds = Stopwatch.GetElapsedTime(started).TotalSeconds;

        started = Stopwatch.GetTimestamp();
        for (int index = 0; index < tokens; index++)
        {
            batch.Clear();
            batch.Add(3 + index % 200, prompt + index, 0, true);
            context.Decode(batch);
        }
        context.Synchronize();
        return (promptSeconds, Stopwatch.GetElapsedTime(started).TotalSeconds);
    }
}
