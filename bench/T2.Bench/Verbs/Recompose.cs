using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using T2.Gguf;
using T2.Gguf.Quantization;
using T2.Kernels;

namespace T2.Bench.Verbs;

/// <summary>
/// <c>recompose [--shapes MxN,MxN] [--layers N] [--threads N] [--rounds N] [--python FILE] [--blas DIR,DIR]</c>: rebuilding one layer's weights from factors,
/// against the PyTorch reference's recomposition of the same weights with the same z (<c>bench/python/recompose.py</c>), in turns, with the errors of both
/// against fp64. PyTorch runs on 1, 2 and 4 threads and with each BLAS build; every row is shown, its best is what counts.
/// </summary>
internal static class Recompose
{
    private const string Qwen = "896x896,128x896,128x896,896x896,4864x896,4864x896,896x4864";

    private static readonly int[] s_torchThreads = [1, 2, 4];

    public static int Run(ReadOnlySpan<string> args)
    {
        var options = new Options(args, "--shapes", "--layers", "--threads", "--rounds", "--python", "--blas");
        int Number(string name, int fallback) => options.Find(name) is { } text ? int.Parse(text, CultureInfo.InvariantCulture) : fallback;
        MatrixShape[] shapes = [.. (options.Find("--shapes") ?? Qwen).Split(',').Select(Shape)];
        Measure(
            shapes, Number("--layers", 24), Number("--threads", Environment.ProcessorCount), Number("--rounds", 5), options.Find("--python") ?? "python3",
            options.Find("--blas")?.Split(',') ?? [""]);
        return 0;
    }

    private static MatrixShape Shape(string text) =>
        text.Split('x') is [var rows, var columns] && int.TryParse(rows, out int m) && int.TryParse(columns, out int n) && m > 0 && n > 0
            ? new MatrixShape(m, n)
            : throw new ArgumentException($"'{text}' is not a shape such as 896x4864.");

    private static void Measure(MatrixShape[] shapes, int layers, int threads, int rounds, string python, string[] blas)
    {
        var kernel = KernelRegistry.Resolve();
        string folder = Directory.CreateTempSubdirectory("t2-bench-").FullName;
        try
        {
            var random = new Random(1);
            // Representable in F16, so that every side starts from the same weights.
            float[][] weights = [.. shapes.Select(shape => Values(shape.Length, () => (float)(Half)(0.02f * (random.NextSingle() + random.NextSingle() + random.NextSingle() - 1.5f))))];
            float[][] zs = [.. shapes.Select(shape => Values(shape.Rank, () => 0.8f + (0.4f * random.NextSingle())))];
            Write(folder, shapes, weights, zs);
            float[][] bases = [.. shapes.Select((shape, i) => Factorise(kernel, weights[i], shape, threads))];
            TensorType[] types = [TensorType.F32, TensorType.F16, TensorType.Q8_0];
            var ours = types.ToDictionary(static type => type, _ => new List<double>());
            var results = types.ToDictionary(static type => type, type => shapes.Select(shape => new byte[Bytes(type, shape)]).ToArray());
            var sources = types.ToDictionary(static type => type, type => shapes.Select((shape, i) => Quantised(type, weights[i], shape)).ToArray());
            var torch = new Dictionary<string, (List<double> Seconds, double Error)>();

            var variants = s_torchThreads.SelectMany(count => blas.Select(directory => (Threads: count, Blas: directory))).ToArray();
            for (int round = 0; round < rounds; round++)
            {
                foreach (var (count, directory) in round % 2 == 0 ? variants : variants.Reverse())
                {
                    RunOurs();
                    RunTorch(count, directory);
                }
            }
            Print();

            void RunOurs()
            {
                foreach (var type in types)
                {
                    // The first is a warm-up: the other side had the caches.
                    for (int run = 0; run < 3; run++)
                    {
                        long started = Stopwatch.GetTimestamp();
                        for (int i = 0; i < shapes.Length; i++)
                            Rebuild(kernel, sources[type][i], type, shapes[i], bases[i], zs[i], results[type][i], threads);
                        if (run > 0)
                            ours[type].Add(Stopwatch.GetElapsedTime(started).TotalSeconds);
                    }
                }
            }

            void RunTorch(int count, string directory)
            {
                using var json = PythonProcess.Run(python, "recompose.py", count, directory, folder, count.ToString(CultureInfo.InvariantCulture), "3");
                foreach (var way in json.RootElement.EnumerateObject().Where(static property => property.Value.ValueKind == JsonValueKind.Object))
                {
                    string name = $"PyTorch, {(way.Name.StartsWith("best", StringComparison.Ordinal) ? "without the diagonal product" : "as the reference writes it")} | {way.Name.Split(' ')[1]} | {count}{(directory.Length > 0 ? ", " + Path.GetFileName(directory) : "")}";
                    if (!torch.TryGetValue(name, out var kept))
                        torch[name] = kept = ([], way.Value.GetProperty("error").GetDouble());
                    kept.Seconds.AddRange(way.Value.GetProperty("seconds").EnumerateArray().Select(static value => value.GetDouble()));
                }
            }

            void Print()
            {
                double[] exact = MemoryMarshal.Cast<byte, double>(File.ReadAllBytes(Path.Combine(folder, "answers.bin"))).ToArray();
                Console.WriteLine(string.Create(
                    CultureInfo.InvariantCulture,
                    $"One layer ({string.Join(", ", shapes)}), z in [0.8, 1.2]; medians, the sides in turns; the model is {layers} such layers. Errors: largest relative Frobenius error of a matrix against fp64."));
                Console.WriteLine();
                Console.WriteLine("| side | into | threads | ms a layer, median | quartiles | whole model, s | error |");
                Console.WriteLine("|---|---|---|--:|--:|--:|--:|");
                foreach (var type in types)
                    Row($"T2, kernel {kernel.Name} | {type} | {threads}", ours[type], Error(type, shapes, results[type], exact));
                foreach (var (name, (seconds, error)) in torch.OrderBy(static way => way.Key, StringComparer.Ordinal))
                    Row(name, seconds, error);
                Console.WriteLine();
                foreach (var (type, name) in ((TensorType, string)[])[(TensorType.F32, "float32"), (TensorType.F16, "float16")])
                {
                    double mine = Statistics.Median(ours[type]);
                    double Best(string way) => torch.Where(entry => entry.Key.Contains(way, StringComparison.Ordinal) && entry.Key.Contains(name, StringComparison.Ordinal)).Min(static entry => Statistics.Median(entry.Value.Seconds));
                    Console.WriteLine(string.Create(
                        CultureInfo.InvariantCulture,
                        $"{type}: the reference's way at its best takes {Best("as the reference") / mine:0.0} times T2's time, without the diagonal product {Best("without") / mine:0.0} times."));
                }
            }

            void Row(string name, List<double> seconds, double error)
            {
                double[] sorted = [.. seconds.Order()];
                double median = Statistics.Median(sorted);
                Console.WriteLine(string.Create(
                    CultureInfo.InvariantCulture,
                    $"| {name} | {1000 * median:0.0} | {1000 * sorted[sorted.Length / 4]:0.0} to {1000 * sorted[sorted.Length * 3 / 4]:0.0} | {layers * median:0.00} | {error:0.0e+0} |"));
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static double Error(TensorType type, MatrixShape[] shapes, byte[][] results, double[] exact)
    {
        double worst = 0;
        long at = 0;
        for (int i = 0; i < shapes.Length; i++)
        {
            var values = new float[shapes[i].Length];
            Quantizer.Dequantize(type, results[i], values);
            double difference = 0, size = 0;
            for (int j = 0; j < values.Length; j++)
            {
                double expected = exact[at + j];
                difference += (values[j] - expected) * (values[j] - expected);
                size += expected * expected;
            }
            worst = Math.Max(worst, Math.Sqrt(difference / size));
            at += values.Length;
        }
        return worst;
    }

    private static void Write(string folder, MatrixShape[] shapes, float[][] weights, float[][] zs)
    {
        File.WriteAllText(Path.Combine(folder, "matrices.json"), "[" + string.Join(",", shapes.Select(static shape => $"[{shape.Rows},{shape.Columns}]")) + "]");
        foreach (var (name, arrays) in ((string, float[][])[])[("weights.bin", weights), ("z.bin", zs)])
        {
            using var file = File.Create(Path.Combine(folder, name));
            foreach (var values in arrays)
                file.Write(MemoryMarshal.AsBytes<float>(values));
        }
    }

    private static float[] Factorise(IWeightKernel kernel, float[] weight, MatrixShape shape, int threads)
    {
        var basis = new float[shape.Rank * shape.Rank];
        kernel.Factorize(weight, shape, new double[shape.Rank], basis, threads, CancellationToken.None);
        return basis;
    }

    private static void Rebuild(IWeightKernel kernel, byte[] source, TensorType type, MatrixShape shape, float[] basis, float[] z, byte[] destination, int threads) => kernel.Rebuild(
        new RebuildJob
        {
            Source = source,
            SourceType = type,
            Shape = shape,
            Basis = basis,
            Z = z,
            Destination = destination,
            DestinationType = type,
        },
        threads, CancellationToken.None);

    private static byte[] Quantised(TensorType type, float[] weight, MatrixShape shape)
    {
        var bytes = new byte[Bytes(type, shape)];
        Quantizer.Quantize(type, weight, bytes, shape.Columns);
        return bytes;
    }

    private static long Bytes(TensorType type, MatrixShape shape) => TensorTypes.Info(type).BytesFor(shape.Columns) * shape.Rows;

    private static float[] Values(long count, Func<float> next)
    {
        var values = new float[count];
        foreach (ref float value in values.AsSpan())
            value = next();
        return values;
    }
}
