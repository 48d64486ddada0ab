using System.Diagnostics;
using System.Globalization;
using T2.Gguf;
using T2.Gguf.Experts;
using T2.Gguf.Quantization;
using T2.Kernels;
using T2.Runtime;

namespace T2.Bench.Verbs;

/// <summary>
/// <c>adapt --model FILE [--spread S] [--rounds N] [--kernel K]</c>: what adapting a model costs and how exact it is, as one row of a table. Every block
/// weight gets z uniform in [1 − S, 1 + S]. The error is measured against dgesdd in fp64, on one weight of each shape.
/// </summary>
internal static class Adapt
{
    public static int Run(ReadOnlySpan<string> args)
    {
        var options = new Options(args, "--model", "--spread", "--rounds", "--kernel", "--threads");
        string path = options.Require("--model");
        float spread = float.Parse(options.Find("--spread") ?? "0.2", CultureInfo.InvariantCulture);
        int rounds = int.Parse(options.Find("--rounds") ?? "5", CultureInfo.InvariantCulture);
        int threads = int.Parse(options.Find("--threads") ?? "0", CultureInfo.InvariantCulture);
        RunAsync(path, spread, rounds, options.Find("--kernel"), threads).GetAwaiter().GetResult();
        return 0;
    }

    private static async Task RunAsync(string path, float spread, int rounds, string? kernelName, int threads)
    {
        string sidecar = Path.Combine(Path.GetTempPath(), $"t2-bench-{Environment.ProcessId}.t2factors");
        try
        {
            await using var model = await AdaptiveModel.LoadAsync(path, new ModelOptions { FactorPath = sidecar, Kernel = kernelName, AdaptationThreads = threads });
            var watch = Stopwatch.StartNew();
            await model.FactorAsync();
            double factorSeconds = watch.Elapsed.TotalSeconds;

            var rebuild = new double[rounds];
            var reset = new double[rounds];
            for (int round = 0; round < rounds; round++)
            {
                var report = await model.ApplyAsync(RandomExperts.Make(model, round, spread));
                rebuild[round] = report.Elapsed.TotalSeconds;
                watch.Restart();
                await model.ResetAsync();
                reset[round] = watch.Elapsed.TotalMilliseconds;
            }

            using var factors = FactorStore.TryOpen(sidecar, model.Fingerprint)!;
            var expert = RandomExperts.Make(model, 99, spread);
            var (exact, final, floor) = OpenBlas.TryLoad() is { } blas ? Errors(model.File, factors, expert, KernelRegistry.Resolve(kernelName), blas) : default;
            long full = BlockWeights.List(model.File).Sum(FullBytes);
            Console.WriteLine("| model | types | kernel | weights | factor s | rebuild s | reset ms | factor bytes | of U,σ,V fp32 | error before quantising | error in place | floor of the type |");
            Console.WriteLine("|---|---|---|---|---|---|---|---|---|---|---|---|");
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"| {Path.GetFileNameWithoutExtension(path)} | {Types(model.File)} | {model.KernelName} | {expert.Vectors.Count} | {factorSeconds:0.00} | {Statistics.Median(rebuild):0.000} | {Statistics.Median(reset):0.00} | {factors.ByteLength:N0} | {(double)factors.ByteLength / full:P1} | {Error(exact)} | {Error(final)} | {Error(floor)} |"));
        }
        finally
        {
            File.Delete(sidecar);
            File.Delete(sidecar + ".lock");
        }
    }

    /// <summary>Largest relative Frobenius errors over one weight of each shape: before quantising, as it lies in place, and of quantising the exact result.</summary>
    private static (double Exact, double Final, double Floor) Errors(GgufFile file, FactorStore factors, Expert expert, IWeightKernel kernel, OpenBlas blas)
    {
        var worst = (Exact: 0.0, Final: 0.0, Floor: 0.0);
        foreach (var tensor in BlockWeights.List(file).DistinctBy(static tensor => (tensor.Type, tensor.Dimensions[0], tensor.Dimensions[1])))
        {
            int n = (int)tensor.Dimensions[0], m = (int)tensor.Dimensions[1];
            var z = expert.Vectors[tensor.Name];
            double[] oracle = ExactRebuild(Dequantised(tensor.Type, file.GetData(tensor), m * n), m, n, z.Span, blas);

            factors.TryGet(tensor.Name, out var matrix);
            float[] exact = Dequantised(TensorType.F32, Rebuild(kernel, file, tensor, matrix!, z.Span, TensorType.F32), m * n);
            float[] final = Dequantised(tensor.Type, Rebuild(kernel, file, tensor, matrix!, z.Span, tensor.Type), m * n);
            var quantised = new byte[tensor.ByteLength];
            Quantizer.Quantize(tensor.Type, Array.ConvertAll(oracle, static value => (float)value), quantised, n);
            float[] best = Dequantised(tensor.Type, quantised, m * n);
            worst = (Math.Max(worst.Exact, Distance(exact, oracle)), Math.Max(worst.Final, Distance(final, oracle)), Math.Max(worst.Floor, Distance(best, oracle)));
        }
        return worst;
    }

    private static byte[] Rebuild(IWeightKernel kernel, GgufFile file, GgufTensor tensor, MatrixFactors matrix, ReadOnlySpan<float> z, TensorType destination)
    {
        var bytes = new byte[TensorTypes.Info(destination).BytesFor(tensor.Dimensions[0]) * tensor.Dimensions[1]];
        kernel.Rebuild(
            new RebuildJob
            {
                Source = file.GetData(tensor),
                SourceType = tensor.Type,
                Shape = matrix.Shape,
                Basis = matrix.Basis.Span,
                Z = z,
                Destination = bytes,
                DestinationType = destination,
            },
            Environment.ProcessorCount,
            CancellationToken.None);
        return bytes;
    }

    /// <summary>U·diag(σ⊙z)·Vᵀ in fp64, row-major m×n, from LAPACK's own factors.</summary>
    private static double[] ExactRebuild(float[] weight, int m, int n, ReadOnlySpan<float> z, OpenBlas blas)
    {
        // A row-major m×n matrix is the column-major n×m transpose: its "U" are our right vectors.
        var (v, sigma, ut) = blas.Svd(Array.ConvertAll(weight, static value => (double)value), n, m);
        int r = Math.Min(m, n);
        for (int index = 0; index < r; index++)
        {
            for (int row = 0; row < n; row++)
                v[(long)index * n + row] *= sigma[index] * z[index];
        }
        var result = new double[(long)m * n];
        Parallel.For(0, m, row =>
        {
            var line = result.AsSpan(row * n, n);
            for (int index = 0; index < r; index++)
            {
                double u = ut[(long)row * r + index];
                var vector = v.AsSpan(index * n, n);
                for (int column = 0; column < n; column++)
                    line[column] += u * vector[column];
            }
        });
        return result;
    }

    private static float[] Dequantised(TensorType type, ReadOnlySpan<byte> bytes, int length)
    {
        var values = new float[length];
        Quantizer.Dequantize(type, bytes, values);
        return values;
    }

    private static double Distance(float[] actual, double[] expected)
    {
        double difference = 0, norm = 0;
        for (int index = 0; index < actual.Length; index++)
        {
            double delta = actual[index] - expected[index];
            difference += delta * delta;
            norm += expected[index] * expected[index];
        }
        return Math.Sqrt(difference / norm);
    }

    private static long FullBytes(GgufTensor tensor)
    {
        long n = tensor.Dimensions[0], m = tensor.Dimensions[1], r = Math.Min(m, n);
        return 4 * (m * r + r + r * n);
    }

    private static string Types(GgufFile file) => string.Join(
        "+",
        BlockWeights.List(file).GroupBy(static tensor => tensor.Type).OrderByDescending(static group => group.Count()).Select(static group => group.Key));

    private static string Error(double error) => error == 0 ? "no oracle" : error.ToString("0.0e+0", CultureInfo.InvariantCulture);
}
