using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using T2.Gguf;
using T2.Gguf.Quantization;
using T2.Kernels;
using T2.Kernels.Gpu;

namespace T2.Bench;

/// <summary>What <c>bench/gpu.sh</c> measures, on any <see cref="IGpuDevice"/>.</summary>
internal sealed class GpuMeasurements(IGpuDevice device)
{
    /// <summary>Weights of Qwen2.5-0.5B, Llama-3.2-1B and Llama-3-8B.</summary>
    private static readonly MatrixShape[] s_shapes = [new(896, 896), new(4864, 896), new(896, 4864), new(2048, 2048), new(8192, 2048), new(4096, 4096), new(14336, 4096)];

    private static readonly RebuildPrecision[] s_precisions = [RebuildPrecision.Single, RebuildPrecision.Tf32, RebuildPrecision.BFloat, RebuildPrecision.Half];

    /// <summary>Shapes to factorise and rebuild; the tests of this code use small ones.</summary>
    public IReadOnlyList<MatrixShape> Shapes { get; init; } = s_shapes;

    /// <summary>Shape on which results are checked: no multiple of any tile.</summary>
    public MatrixShape CheckedShape { get; init; } = new(257, 1280);

    /// <summary>Runs that count, of which the median is reported.</summary>
    public int Rounds { get; init; } = 5;

    /// <summary>Blocks of the Qwen2.5-0.5B-shaped model whose expert is written.</summary>
    public int Blocks { get; init; } = 24;

    /// <summary>Stored and read values against the CPU's, bit by bit, and rebuilds against the fp64 reference. False where anything is wrong.</summary>
    public bool Correctness(StringBuilder report)
    {
        report.AppendLine().AppendLine("## Correctness").AppendLine().AppendLine("| what | result | allowed |").AppendLine("|---|---|---|");
        bool isCorrect = true;
        var shape = CheckedShape;
        float[] weight = RandomValues(shape.Length, 0.02f, 1);
        float[] basis = RandomValues((long)shape.Rank * shape.Rank, 1 / MathF.Sqrt(shape.Rank), 2);
        float[] ones = Ones(shape.Rank), z = RandomVector(shape.Rank, 3);
        foreach (var type in GpuKernels.RebuildableTypes)
        {
            var expected = new byte[Bytes(type, shape)];
            Quantizer.Quantize(type, weight, expected, shape.Columns);
            byte[] stored = OnDevice(RebuildPrecision.Auto, AsBytes(weight), TensorType.F32, type, shape, basis, ones);
            var values = new float[weight.Length];
            Quantizer.Dequantize(type, expected, values);
            byte[] read = OnDevice(RebuildPrecision.Auto, expected, type, TensorType.F32, shape, basis, ones);
            bool isSame = stored.AsSpan().SequenceEqual(expected) && read.AsSpan().SequenceEqual(AsBytes(values));
            Row($"{type} stored and read", isSame ? "same bits" : "DIFFERENT BITS", "same bits", isSame);
        }

        byte[] exact = Rebuild(new ReferenceKernel(), AsBytes(weight), TensorType.F32, TensorType.F32, shape, basis, z);
        foreach (var precision in s_precisions)
        {
            double error = RelativeError(Floats(OnDevice(precision, AsBytes(weight), TensorType.F32, TensorType.F32, shape, basis, z)), Floats(exact));
            double bound = precision switch { RebuildPrecision.Single => 1e-5, RebuildPrecision.BFloat => 1.0 / 256, _ => 1.0 / 2048 };
            Row($"rebuild in {precision}, relative error", error.ToString("g2", CultureInfo.InvariantCulture), bound.ToString("g2", CultureInfo.InvariantCulture), error <= bound);
        }

        var (sigma, expectedSigma) = (new double[shape.Rank], new double[shape.Rank]);
        new GpuWeightKernel(device).Factorize(weight, shape, sigma, new float[basis.Length], 1, CancellationToken.None);
        new ReferenceKernel().Factorize(weight, shape, expectedSigma, new float[basis.Length], Environment.ProcessorCount, CancellationToken.None);
        double sigmaError = sigma.Zip(expectedSigma, static (a, b) => Math.Abs(a - b)).Max() / expectedSigma[0];
        Row("σ, largest error over σ₁", sigmaError.ToString("g2", CultureInfo.InvariantCulture), "1e-12", sigmaError <= 1e-12);
        return isCorrect;

        void Row(string what, string result, string allowed, bool isGood)
        {
            isCorrect &= isGood;
            report.AppendLine(CultureInfo.InvariantCulture, $"| {what} | {result}{(isGood ? "" : " **wrong**")} | {allowed} |");
        }
    }

    /// <summary>Seconds to factorise a weight that is on the device.</summary>
    public void Factorise(StringBuilder report)
    {
        report.AppendLine().AppendLine("## Factorise").AppendLine().AppendLine("| shape | seconds |").AppendLine("|---|--:|");
        using var kernel = new GpuWeightKernel(device);
        foreach (var shape in Shapes)
        {
            var weight = Uploaded(AsBytes(RandomValues(shape.Length, 0.02f, 4)));
            var basis = device.Allocate((long)shape.Rank * shape.Rank * sizeof(float));
            var sigma = new double[shape.Rank];
            double seconds = Median(() => kernel.Factorize(weight, shape, sigma, basis, CancellationToken.None), 1);
            report.AppendLine(CultureInfo.InvariantCulture, $"| {shape} | {seconds:0.000} |");
            device.Free(weight);
            device.Free(basis);
        }
    }

    /// <summary>Milliseconds and rate of a rebuild from device memory to device memory.</summary>
    public void Rebuild(StringBuilder report)
    {
        report.AppendLine().AppendLine("## Rebuild").AppendLine().AppendLine("| shape | type | product | ms | TFLOP/s |").AppendLine("|---|---|---|--:|--:|");
        foreach (var shape in Shapes)
        {
            using var kernel = new GpuWeightKernel(device);
            kernel.Reserve(GpuWeightKernel.RebuildBytes(shape));
            var basis = Uploaded(AsBytes(RandomValues((long)shape.Rank * shape.Rank, 1 / MathF.Sqrt(shape.Rank), 5)));
            foreach (var type in GpuKernels.RebuildableTypes.Where(type => shape.Columns % TensorTypes.Info(type).BlockLength == 0))
            {
                // No zeros: the K types' search for a scale would end at once, and multipliers that stay still let a GPU clock higher.
                var source = Uploaded(Stored(type, shape));
                var destination = device.Allocate(Bytes(type, shape));
                foreach (var precision in type == TensorType.F16 ? s_precisions : [RebuildPrecision.Half])
                {
                    double seconds = Median(() => kernel.Rebuild(new DeviceRebuildJob
                    {
                        Source = source,
                        SourceType = type,
                        Shape = shape,
                        Basis = basis,
                        Z = RandomVector(shape.Rank, 6),
                        Destination = destination,
                        DestinationType = type,
                        Precision = precision,
                    }));
                    // The product with S, and half of forming S: it is symmetric.
                    double flops = (2.0 * shape.Length * shape.Rank) + Math.Pow(shape.Rank, 3);
                    report.AppendLine(CultureInfo.InvariantCulture, $"| {shape} | {type} | {precision} | {1000 * seconds:0.00} | {flops / seconds / 1e12:0.0} |");
                }
                device.Free(source);
                device.Free(destination);
            }
            device.Free(basis);
        }
    }

    /// <summary>Seconds to write an expert into every weight of a Qwen2.5-0.5B-shaped model in Q8_0, by where its factors and its base are.</summary>
    public unsafe void Switch(StringBuilder report)
    {
        report.AppendLine().AppendLine("## Writing an expert, Qwen2.5-0.5B-shaped, Q8_0").AppendLine().AppendLine("| factors | base | seconds |").AppendLine("|---|---|--:|");
        MatrixShape[] block = [new(896, 896), new(128, 896), new(128, 896), new(896, 896), new(4864, 896), new(4864, 896), new(896, 4864)];
        var shapes = Enumerable.Range(0, Blocks).SelectMany(_ => block).ToArray();
        // One pristine weight and one basis of each shape serve all blocks: only their travel is timed.
        var sources = shapes.Distinct().ToDictionary(static shape => shape, static shape =>
        {
            nint memory = Marshal.AllocHGlobal((nint)Bytes(TensorType.Q8_0, shape));
            Quantizer.Quantize(TensorType.Q8_0, RandomValues(shape.Length, 0.02f, 7), new Span<byte>((void*)memory, (int)Bytes(TensorType.Q8_0, shape)), shape.Columns);
            return memory;
        });
        var bases = shapes.Distinct().ToDictionary(static shape => shape, static shape => RandomValues((long)shape.Rank * shape.Rank, 1 / MathF.Sqrt(shape.Rank), 8));
        var live = shapes.Select(shape => device.Allocate(Bytes(TensorType.Q8_0, shape))).ToArray();
        var vectors = shapes.Select(static (shape, i) => RandomVector(shape.Rank, i)).ToArray();
        foreach (var (placement, keepBase) in Enum.GetValues<FactorPlacement>().SelectMany(static placement => new[] { (placement, true), (placement, false) }))
        {
            var plan = GpuMemoryPlan.For(
                [.. shapes.Select(static (shape, i) => (i.ToString(CultureInfo.InvariantCulture), TensorType.Q8_0, shape))], 0, long.MaxValue,
                new GpuPlanOptions { Best = placement, PinnedBytes = long.MaxValue, KeepBase = keepBase });
            var weights = plan.Weights.Select((weight, i) => new DeviceWeight(weight, sources[weight.Shape], bases[weight.Shape], live[i])).ToArray();
            using var rebuilder = new GpuModelRebuilder(device, plan, weights, KernelRegistry.Resolve(), Environment.ProcessorCount);
            double seconds = Median(() =>
            {
                for (int i = 0; i < weights.Length; i++)
                    rebuilder.Rebuild(weights[i].Plan.Name, bases[shapes[i]], vectors[i], live[i], CancellationToken.None);
                rebuilder.Finish();
            });
            report.AppendLine(CultureInfo.InvariantCulture, $"| {placement} | {(keepBase ? "on the device" : "from the file")} | {seconds:0.000} |");
        }
        foreach (var pointer in live)
            device.Free(pointer);
        foreach (nint memory in sources.Values)
            Marshal.FreeHGlobal(memory);
    }

    /// <summary>Measures something. If that fails (too little memory, a library that is half there) the report says so and keeps what it has. False then.</summary>
    internal static bool Measure(StringBuilder report, Action action)
    {
        try
        {
            action();
            return true;
        }
        catch (Exception exception) when (exception is GpuException or FactorizationException or InvalidOperationException or EntryPointNotFoundException)
        {
            report.AppendLine().AppendLine(CultureInfo.InvariantCulture, $"Stopped: {exception.Message}");
            return false;
        }
    }

    /// <summary>A weight of random values as a type stores them; the same 64 rows over and over, for storing takes long on a CPU.</summary>
    internal static byte[] Stored(TensorType type, MatrixShape shape)
    {
        var data = new byte[Bytes(type, shape)];
        var some = new MatrixShape(Math.Min(64, shape.Rows), shape.Columns);
        int length = (int)Bytes(type, some);
        Quantizer.Quantize(type, RandomValues(some.Length, 0.02f, 9), data.AsSpan(0, length), shape.Columns);
        for (long place = length; place < data.Length; place += length)
            Array.Copy(data, 0, data, place, Math.Min(length, data.Length - place));
        return data;
    }

    private double Median(Action action) => Median(action, Rounds);

    private double Median(Action action, int rounds)
    {
        var seconds = new double[rounds];
        for (int round = -1; round < rounds; round++)
        {
            device.Synchronize();
            long start = Stopwatch.GetTimestamp();
            action();
            device.Synchronize();
            if (round >= 0)
                seconds[round] = Stopwatch.GetElapsedTime(start).TotalSeconds;
        }
        return Statistics.Median(seconds);
    }

    private byte[] OnDevice(RebuildPrecision precision, ReadOnlySpan<byte> source, TensorType sourceType, TensorType destinationType, MatrixShape shape, float[] basis, float[] z) =>
        Rebuild(new GpuWeightKernel(device, precision), source, sourceType, destinationType, shape, basis, z);

    private static byte[] Rebuild(IWeightKernel kernel, ReadOnlySpan<byte> source, TensorType sourceType, TensorType destinationType, MatrixShape shape, float[] basis, float[] z)
    {
        var destination = new byte[Bytes(destinationType, shape)];
        kernel.Rebuild(
            new RebuildJob
            {
                Source = source,
                SourceType = sourceType,
                Shape = shape,
                Basis = basis,
                Z = z,
                Destination = destination,
                DestinationType = destinationType,
            },
            Environment.ProcessorCount, CancellationToken.None);
        return destination;
    }

    private DevicePointer Uploaded(ReadOnlySpan<byte> data)
    {
        var pointer = device.Allocate(data.Length);
        device.Upload(data, pointer);
        return pointer;
    }

    private static double RelativeError(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        double difference = 0, size = 0;
        for (int i = 0; i < a.Length; i++)
        {
            difference += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
            size += (double)b[i] * b[i];
        }
        return Math.Sqrt(difference / size);
    }

    private static long Bytes(TensorType type, MatrixShape shape) => TensorTypes.Info(type).BytesFor(shape.Columns) * shape.Rows;

    private static ReadOnlySpan<byte> AsBytes(float[] values) => MemoryMarshal.AsBytes<float>(values);

    private static ReadOnlySpan<float> Floats(byte[] data) => MemoryMarshal.Cast<byte, float>(data);

    private static float[] Ones(int count)
    {
        var values = new float[count];
        values.AsSpan().Fill(1);
        return values;
    }

    private static float[] RandomVector(int count, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => 0.9f + (0.2f * random.NextSingle()))];
    }

    private static float[] RandomValues(long count, float scale, int seed)
    {
        var random = new Random(seed);
        var values = new float[count];
        foreach (ref float value in values.AsSpan())
            value = scale * (random.NextSingle() + random.NextSingle() + random.NextSingle() - 1.5f) * 2;
        return values;
    }
}
