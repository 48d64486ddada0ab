using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using T2.Kernels;
using T2.Training;

namespace T2.Bench.Verbs;

/// <summary>
/// <c>train-step [--train full|svf|lora] [--layers N] [--embedding N] [--feed-forward N] [--heads N] [--kv-heads N] [--vocabulary N] [--sequences N]
/// [--length N] [--threads N,N] [--steps N] [--rounds N] [--python FILE|none] [--blas DIR,DIR]</c>: seconds and peak memory of a training step (forward,
/// backward, clipping, AdamW), against the same model, batch and optimiser in PyTorch on the CPU (<c>bench/python/train_step.py</c>), in turns; and processor time, which other work on the machine disturbs less. PyTorch runs with
/// each number of threads and, where directories of BLAS builds are given, with each of them; its best is what counts. Both sides' losses are compared first.
/// </summary>
internal static class TrainStep
{
    private const double Rate = 1e-3;

    public static int Run(ReadOnlySpan<string> args)
    {
        var options = new Options(
            args, "--train", "--layers", "--embedding", "--feed-forward", "--heads", "--kv-heads", "--vocabulary", "--sequences", "--length", "--threads", "--steps", "--rounds",
            "--python", "--blas");
        int Number(string name, int fallback) => options.Find(name) is { } text ? int.Parse(text, CultureInfo.InvariantCulture) : fallback;
        var length = Number("--length", 64);
        var shape = new ModelShape
        {
            VocabularySize = Number("--vocabulary", 512),
            Layers = Number("--layers", 4),
            Embedding = Number("--embedding", 256),
            FeedForward = Number("--feed-forward", 768),
            Heads = Number("--heads", 8),
            KvHeads = Number("--kv-heads", 4),
            Context = length,
        };
        shape.Validate();
        var train = options.Find("--train") ?? "full";
        if (train is not ("full" or "svf" or "lora"))
            throw new ArgumentException($"--train is full, svf or lora, not '{train}'.");
        int[] threads = [.. (options.Find("--threads") ?? Environment.ProcessorCount.ToString(CultureInfo.InvariantCulture)).Split(',').Select(static text => int.Parse(text, CultureInfo.InvariantCulture))];
        string[] blas = options.Find("--blas")?.Split(',') ?? [""];
        var python = options.Find("--python") ?? "python3";
        Measure(shape, train, Number("--sequences", 64), length, threads, Number("--steps", 15), Number("--rounds", 3), python == "none" ? null : python, blas);
        return 0;
    }

    private static void Measure(ModelShape shape, string train, int sequences, int length, int[] threads, int steps, int rounds, string? python, string[] blas)
    {
        const int Warmup = 3;
        var folder = Directory.CreateTempSubdirectory("t2-bench-").FullName;
        try
        {
            var random = new Random(1);
            int[][] documents = [.. Enumerable.Range(0, sequences).Select(_ => Enumerable.Range(0, length + 1).Select(_ => random.Next(shape.VocabularySize)).ToArray())];
            WriteInputs(folder, TrainingModel.CreateRandom(shape, 1), documents, length);
            var variants = new List<(string Name, Func<Side> Run)>();
            foreach (var count in threads)
            {
                variants.Add(($"T2, {count} threads", () => OursOnce(shape, train, documents, count, Warmup, steps)));
                if (python is not null)
                    variants.AddRange(blas.Select(directory => ($"PyTorch, {count} threads{(directory.Length > 0 ? ", " + Path.GetFileName(directory) : "")}", (Func<Side>)(() => TorchOnce(python, folder, directory, train, count, Warmup, steps)))));
            }
            var runs = variants.ToDictionary(static variant => variant.Name, static _ => new List<Side>());
            for (var round = 0; round < rounds; round++)
            {
                foreach (var (name, run) in round % 2 == 0 ? variants : Enumerable.Reverse(variants))
                    runs[name].Add(run());
            }
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{train}: {shape.Layers} layers, embedding {shape.Embedding}, feed-forward {shape.FeedForward}, vocabulary {shape.VocabularySize}; {sequences}×{length} tokens a step; {rounds} rounds of {steps} steps after {Warmup}, taking turns; products {(Sgemm.IsNative ? new NativeKernel().InstructionSet : "managed")}"));
            Console.WriteLine("| side | trained values | ms a step, median | quartiles | tokens/s | processor ms a step, median | peak memory, MiB | of it before training | loss, first and last |");
            Console.WriteLine("|---|---|---|---|---|---|---|---|---|");
            foreach (var (name, all) in runs)
            {
                double[] seconds = [.. all.SelectMany(static run => run.Seconds).Order()];
                var median = Statistics.Median(seconds);
                Console.WriteLine(string.Create(
                    CultureInfo.InvariantCulture,
                    $"| {name} | {all[0].Parameters} | {median * 1000:0.0} | {seconds[seconds.Length / 4] * 1000:0.0} to {seconds[seconds.Length * 3 / 4] * 1000:0.0} | {sequences * length / median:0} | {Statistics.Median(all.SelectMany(static run => run.ProcessorSeconds)) * 1000:0} | {all.Max(static run => run.PeakMiB):0} | {all.Max(static run => run.ImportMiB):0} | {all[0].Losses[0]:0.00000}, {all[0].Losses[^1]:0.00000} |"));
            }
            var losses = runs.Values.Select(static all => all[0].Losses).ToList();
            var worst = losses.Max(other => Math.Abs(other[1] - losses[0][1]) / losses[0][1]);
            // LoRA's first step is the base's on both sides; later ones differ, for A is drawn by each side's own generator.
            if (train != "lora" && !(worst < 1e-3))
                throw new InvalidOperationException($"The sides do not compute the same: their losses after one step differ by {worst:e2}.");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>In this process, so that nothing but the steps is measured; run one kind of training a process for a peak that means something.</summary>
    private static Side OursOnce(ModelShape shape, string train, int[][] documents, int threads, int warmup, int steps)
    {
        var model = TrainingModel.CreateRandom(shape, 1);
        ModelParameters parameters = train switch
        {
            "full" => new FullParameters(model),
            "svf" => new SvfParameters(model, name => Factorise(model[name], threads), model.AdaptableWeights),
            _ => new LoraParameters(model, [.. model.AdaptableWeights.Where(static name => name.Contains("attn_q", StringComparison.Ordinal) || name.Contains("attn_v", StringComparison.Ordinal))], 16, 32, 1),
        };
        var before = Process.GetCurrentProcess().WorkingSet64 / 1048576.0;
        using var engine = new TrainingEngine(model, parameters, threads);
        var optimiser = new AdamW(parameters);
        var batch = PackedBatch.NextToken([.. documents.Select(static tokens => new TrainingDocument(tokens))]);
        var (losses, seconds, processor) = (new List<double>(), new List<double>(), new List<double>());
        for (var step = 0; step < warmup + steps; step++)
        {
            var started = Stopwatch.GetTimestamp();
            var busy = Environment.CpuUsage.TotalTime;
            parameters.ZeroGradient();
            losses.Add(engine.Accumulate(batch).Loss);
            optimiser.Step(Rate, 1);
            if (step < warmup)
                continue;
            seconds.Add(Stopwatch.GetElapsedTime(started).TotalSeconds);
            processor.Add((Environment.CpuUsage.TotalTime - busy).TotalSeconds);
        }
        return new Side(losses, seconds, processor, Process.GetCurrentProcess().PeakWorkingSet64 / 1048576.0, before, parameters.Count);
    }

    private static Side TorchOnce(string python, string folder, string blas, string train, int threads, int warmup, int steps)
    {
        string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
        using var json = PythonProcess.Run(python, "train_step.py", threads, blas, folder, train, Text(threads), Text(steps), Text(warmup));
        double[] Numbers(string name) => [.. json.RootElement.GetProperty(name).EnumerateArray().Select(static value => value.GetDouble())];
        return new Side(
            Numbers("losses"), Numbers("seconds"), Numbers("processor_seconds"), json.RootElement.GetProperty("peak_mib").GetDouble(), json.RootElement.GetProperty("import_mib").GetDouble(),
            json.RootElement.GetProperty("parameters").GetInt64());
    }

    private static void WriteInputs(string folder, TrainingModel model, int[][] documents, int length)
    {
        using (var weights = File.Create(Path.Combine(folder, "weights.bin")))
        {
            foreach (var tensor in model.Tensors)
                weights.Write(MemoryMarshal.AsBytes<float>(tensor.Values));
        }
        File.WriteAllBytes(Path.Combine(folder, "tokens.bin"), MemoryMarshal.AsBytes<int>([.. documents.SelectMany(static tokens => tokens)]).ToArray());
        using var stream = File.Create(Path.Combine(folder, "step.json"));
        using var json = new Utf8JsonWriter(stream);
        var s = model.Shape;
        json.WriteStartObject();
        foreach (var (name, value) in (ReadOnlySpan<(string, int)>)[("layers", s.Layers), ("heads", s.Heads), ("kv_heads", s.KvHeads), ("head_size", s.HeadSize), ("vocabulary", s.VocabularySize), ("sequences", documents.Length), ("length", length)])
            json.WriteNumber(name, value);
        json.WriteNumber("epsilon", s.RmsEpsilon);
        json.WriteNumber("rope_base", s.RopeBase);
        json.WriteNumber("rate", Rate);
        json.WriteStartArray("tensors");
        foreach (var tensor in model.Tensors)
        {
            json.WriteStartObject();
            json.WriteString("name", tensor.Name);
            json.WriteStartArray("shape");
            if (!tensor.IsVector)
                json.WriteNumberValue(tensor.Rows);
            json.WriteNumberValue(tensor.Columns);
            json.WriteEndArray();
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static MatrixFactors Factorise(ModelTensor weight, int threads)
    {
        var (sigma, basis) = (new double[weight.Shape.Rank], new float[weight.Shape.Rank * weight.Shape.Rank]);
        KernelRegistry.Resolve().Factorize(weight.Values, weight.Shape, sigma, basis, threads, CancellationToken.None);
        return new MatrixFactors(weight.Shape, sigma, basis);
    }

    private sealed record Side(IReadOnlyList<double> Losses, IReadOnlyList<double> Seconds, IReadOnlyList<double> ProcessorSeconds, double PeakMiB, double ImportMiB, long Parameters);
}
