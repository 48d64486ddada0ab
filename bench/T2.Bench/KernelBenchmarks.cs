using BenchmarkDotNet.Attributes;
using T2.Gguf;
using T2.Gguf.Quantization;
using T2.Kernels;

namespace T2.Bench;

/// <summary>BenchmarkDotNet over the registry's kernels: <c>T2.Bench kernels --filter *Rebuild*</c>.</summary>
[MemoryDiagnoser]
public class RebuildBenchmarks : KernelBenchmarkBase
{
    private byte[] _source = [], _destination = [];

    /// <summary>The weight's type before and after.</summary>
    [Params(TensorType.F32, TensorType.F16, TensorType.BF16, TensorType.Q8_0, TensorType.Q4_0, TensorType.Q4_K, TensorType.Q6_K)]
    public TensorType Type { get; set; }

    [ParamsSource(nameof(Shapes))]
    public MatrixShape Shape { get; set; }

    [GlobalSetup]
    public void SetUp()
    {
        Prepare(Shape);
        _source = new byte[TensorTypes.Info(Type).BytesFor(Shape.Columns) * Shape.Rows];
        _destination = new byte[_source.Length];
        Quantizer.Quantize(Type, Weight, _source, Shape.Columns);
    }

    [Benchmark]
    public void Rebuild() => Resolved.Rebuild(
        new RebuildJob
        {
            Source = _source,
            SourceType = Type,
            Shape = Shape,
            Basis = Basis,
            Z = Z,
            Destination = _destination,
            DestinationType = Type,
        },
        Environment.ProcessorCount, CancellationToken.None);
}

/// <summary>Factorising a weight, σ and basis.</summary>
public class FactoriseBenchmarks : KernelBenchmarkBase
{
    [ParamsSource(nameof(Shapes))]
    public MatrixShape Shape { get; set; }

    [GlobalSetup]
    public void SetUp() => Prepare(Shape);

    [Benchmark]
    public void Factorise() => Resolved.Factorize(Weight, Shape, new double[Shape.Rank], Basis, Environment.ProcessorCount, CancellationToken.None);
}

/// <summary>The managed quantisers, one row block after the other on one thread.</summary>
public class QuantiseBenchmarks
{
    private const int Rows = 256, Columns = 4096;
    private readonly float[] _values = KernelBenchmarkBase.Random(Rows * Columns, 1);
    private byte[] _destination = [];

    [Params(TensorType.F16, TensorType.BF16, TensorType.Q8_0, TensorType.Q4_0, TensorType.Q5_0, TensorType.Q4_K, TensorType.Q5_K, TensorType.Q6_K)]
    public TensorType Type { get; set; }

    [GlobalSetup]
    public void SetUp() => _destination = new byte[TensorTypes.Info(Type).BytesFor(Columns) * Rows];

    [Benchmark]
    public void Quantise() => Quantizer.Quantize(Type, _values, _destination, Columns);
}

/// <summary>A random weight, its stand-in for a basis and a z near 1: what a kernel costs does not depend on the values.</summary>
public abstract class KernelBenchmarkBase
{
    /// <summary>Every kernel of the registry that runs here.</summary>
    public static IEnumerable<string> Kernels => KernelRegistry.Entries.Where(static entry => entry.IsAvailable()).Select(static entry => entry.Name);

    /// <summary>Weights of Qwen2.5-0.5B and Llama-3.2-1B.</summary>
    public static IEnumerable<MatrixShape> Shapes => [new(896, 896), new(4864, 896), new(896, 4864), new(2048, 2048)];

    [ParamsSource(nameof(Kernels))]
    public string Kernel { get; set; } = "";

    protected IWeightKernel Resolved { get; private set; } = null!;

    protected float[] Weight { get; private set; } = [];

    protected float[] Basis { get; private set; } = [];

    protected float[] Z { get; private set; } = [];

    internal static float[] Random(long count, int seed)
    {
        var random = new Random(seed);
        var values = new float[count];
        foreach (ref float value in values.AsSpan())
            value = 0.04f * (random.NextSingle() - 0.5f);
        return values;
    }

    protected void Prepare(MatrixShape shape)
    {
        Resolved = KernelRegistry.Resolve(Kernel);
        Weight = Random(shape.Length, 1);
        Basis = Random((long)shape.Rank * shape.Rank, 2);
        Z = Array.ConvertAll(Random(shape.Rank, 3), static value => 1 + value);
    }
}
