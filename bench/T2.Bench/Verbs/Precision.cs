using System.Diagnostics;
using System.Globalization;
using T2.Gguf;
using T2.Gguf.Experts;
using T2.Gguf.Quantization;
using T2.Kernels;
using T2.Llama;
using T2.Runtime;

namespace T2.Bench.Verbs;

/// <summary>
/// <c>precision --model FILE [--spreads S,S] [--factors FILE] [--threads N]</c>: what is left of a small change of the weights, by the type that adapted weights
/// live in. For z uniform in [1 − S, 1 + S]: how much of the exact delta the weights still have (1 = all, its projection on the exact one), what was added to it
/// (relative error), the distance of the logits from those of F32 weights over the distance of the base's, and what it costs.
/// </summary>
internal static class Precision
{
    private const int Prompt = 24;
    private const int Tokens = 16;

    public static int Run(ReadOnlySpan<string> args)
    {
        var options = new Options(args, "--model", "--spreads", "--factors", "--threads");
        float[] spreads = [.. (options.Find("--spreads") ?? "0.01,0.05,0.2").Split(',').Select(static text => float.Parse(text, CultureInfo.InvariantCulture))];
        RunAsync(options.Require("--model"), spreads, options.Find("--factors"), int.Parse(options.Find("--threads") ?? "1", CultureInfo.InvariantCulture)).GetAwaiter().GetResult();
        return 0;
    }

    private static async Task RunAsync(string path, float[] spreads, string? factors, int threads)
    {
        var exact = new Dictionary<float, float[]>();
        float[] baseLogits = [];
        Console.WriteLine("| type | spread of z | delta kept | relative error of the delta | logits' distance, of the base's | MB | tok/s |");
        Console.WriteLine("|---|---|---|---|---|---|---|");
        foreach (var precision in new[] { AdaptedPrecision.Single, AdaptedPrecision.Half, AdaptedPrecision.Q8, AdaptedPrecision.Base })
        {
            await using var model = await AdaptiveModel.LoadAsync(path, new ModelOptions { FactorPath = factors, Precision = precision, PreparedBytes = 4L << 30 });
            using var store = FactorStore.TryOpen(factors ?? FactorStore.DefaultPath(path), model.Fingerprint);
            using var context = LlamaContext.Create(model.Native, new LlamaContextOptions { ContextLength = 256, BatchSize = 64, MicroBatchSize = 64, Threads = threads, BatchThreads = threads });
            if (baseLogits.Length == 0)
                baseLogits = Decode(context).Logits;
            foreach (float spread in spreads)
            {
                var expert = RandomExperts.Make(model, 7, spread);
                var report = await model.ApplyAsync(expert);
                var (logits, speed) = Decode(context);
                exact.TryAdd(spread, logits);
                var (kept, error) = Delta(model, store ?? throw new FileNotFoundException("Run it again: the factors were only made now."), expert);
                Console.WriteLine(string.Create(
                    CultureInfo.InvariantCulture,
                    $"| {precision} ({report.Raised} of {report.Weights} raised) | {spread} | {kept:0.000} | {error:0.0000} | {Distance(logits, exact[spread]) / Distance(baseLogits, exact[spread]):0.000} | {report.Bytes / 1e6:0} | {speed:0.0} |"));
            }
        }
    }

    private static (float[] Logits, double Speed) Decode(LlamaContext context)
    {
        context.ClearMemory();
        var batch = new LlamaBatch(64);
        for (int position = 0; position < Prompt; position++)
            batch.Add(11 + 37 * position, position, 0, position == Prompt - 1);
        context.Decode(batch);
        float[] logits = context.Logits(Prompt - 1).ToArray();
        long started = Stopwatch.GetTimestamp();
        for (int token = 0; token < Tokens; token++)
        {
            batch.Clear();
            batch.Add(100 + token, Prompt + token, 0, true);
            context.Decode(batch);
        }
        context.Synchronize();
        return (logits, Tokens / Stopwatch.GetElapsedTime(started).TotalSeconds);
    }

    /// <summary>Over one weight of each shape and type: the live delta's projection on the exact one, and its distance from it, both over the exact one's size.</summary>
    private static (double Kept, double Error) Delta(AdaptiveModel model, FactorStore store, Expert expert)
    {
        double product = 0, size = 0, distance = 0;
        foreach (var stored in BlockWeights.List(model.File).DistinctBy(static tensor => (tensor.Type, tensor.Dimensions[0], tensor.Dimensions[1])))
        {
            var tensor = model.Weights.Require(stored.Name);
            if (!tensor.IsReadable && tensor.LiveType == stored.Type)
                continue;
            store.TryGet(stored.Name, out var matrix);
            var bytes = new byte[matrix!.Shape.Length * sizeof(float)];
            KernelRegistry.Resolve().Rebuild(
                new RebuildJob
                {
                    Source = tensor.Pristine,
                    SourceType = stored.Type,
                    Shape = matrix.Shape,
                    Basis = matrix.Basis.Span,
                    Z = expert.Vectors[stored.Name].Span,
                    Destination = bytes,
                    DestinationType = TensorType.F32,
                },
                Environment.ProcessorCount,
                CancellationToken.None);
            float[] own = Values(stored.Type, tensor.Pristine, matrix), target = Values(TensorType.F32, bytes, matrix), live = Values(tensor.LiveType, tensor.Live, matrix);
            for (int index = 0; index < own.Length; index++)
            {
                double wanted = target[index] - (double)own[index], got = live[index] - (double)own[index];
                product += wanted * got;
                size += wanted * wanted;
                distance += (wanted - got) * (wanted - got);
            }
        }
        return (product / size, Math.Sqrt(distance / size));
    }

    private static float[] Values(TensorType type, ReadOnlySpan<byte> bytes, MatrixFactors matrix)
    {
        var values = new float[matrix.Shape.Length];
        Quantizer.Dequantize(type, bytes, values);
        return values;
    }

    private static double Distance(float[] a, float[] b) => Math.Sqrt(a.Zip(b, static (x, y) => ((double)x - y) * (x - y)).Sum());
}
