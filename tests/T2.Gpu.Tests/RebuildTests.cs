using System.Runtime.InteropServices;
using T2.Gguf;
using T2.Gguf.Quantization;
using T2.Kernels;
using T2.Kernels.Gpu;

namespace T2.Gpu.Tests;

/// <summary>The whole rebuild on a device (dequantise, form S, multiply, requantise) against the fp64 reference kernel.</summary>
[Collection(OpenClCollection.Name)]
public sealed class RebuildTests(OpenClFixture openCl)
{
    private static readonly (int Rows, int Columns)[] s_plainShapes = [(1, 1), (1, 37), (41, 1), (63, 65), (65, 63), (129, 40), (40, 129), (128, 128)];

    public static TheoryData<TensorType> Types => new(GpuKernels.RebuildableTypes);

    public static TheoryData<RebuildPrecision, double> Bounds => new()
    {
        { RebuildPrecision.Single, 1e-6 },
        { RebuildPrecision.Half, 1.0 / 1024 },
        { RebuildPrecision.BFloat, 1.0 / 128 },
        { RebuildPrecision.Tf32, 1.0 / 1024 },
    };

    [SkippableTheory]
    [MemberData(nameof(Bounds))]
    public void Is_within_the_stated_bound_of_the_reference(RebuildPrecision precision, double bound)
    {
        foreach (var (rows, columns) in s_plainShapes)
        {
            var weight = new Weight(rows, columns, TensorType.F32);
            var actual = MemoryMarshal.Cast<byte, float>(weight.RebuildOn(new GpuWeightKernel(openCl.Device, precision), TensorType.F32)).ToArray();
            var expected = MemoryMarshal.Cast<byte, float>(weight.RebuildOn(new ReferenceKernel(), TensorType.F32)).ToArray();
            var largest = weight.Z.Max(z => Math.Abs(z - 1));
            Assert.True(Matrices.RelativeError(actual, expected) <= (bound * largest) + 1e-6, $"{precision} {rows}×{columns}: {Matrices.RelativeError(actual, expected):g3}");
        }
    }

    [SkippableTheory]
    [MemberData(nameof(Types))]
    public void Quantising_adds_at_most_a_tenth_to_the_error_of_quantising_the_exact_result(TensorType type)
    {
        foreach (var (rows, columns) in new[] { (67, 256), (300, 256), (96, 512) })
        {
            var weight = new Weight(rows, columns, type);
            var exact = MemoryMarshal.Cast<byte, float>(weight.RebuildOn(new ReferenceKernel(), TensorType.F32)).ToArray();
            var actual = Read(type, weight.RebuildOn(new GpuWeightKernel(openCl.Device), type));
            var best = new byte[weight.Source.Length];
            Quantizer.Quantize(type, exact, best, columns);
            var floor = Matrices.RelativeError(Read(type, best), exact);
            // F32 has no quantising error; f16 products leave 2⁻¹⁰ of the delta.
            Assert.InRange(Matrices.RelativeError(actual, exact), 0, (1.1 * floor) + 1e-4);
        }
    }

    [SkippableTheory]
    [InlineData(300, 512)]
    [InlineData(520, 256)]
    [InlineData(64, 1024)]
    public void Panels_give_the_bytes_of_one_piece(int rows, int columns)
    {
        var weight = new Weight(rows, columns, TensorType.Q8_0);
        Assert.Equal(Rebuild(weight, 2048), Rebuild(weight, 256));
    }

    [SkippableFact]
    public void Where_z_is_one_everywhere_the_bytes_are_the_sources()
    {
        var weight = new Weight(33, 256, TensorType.Q4_K);
        weight.Z.AsSpan().Fill(1);
        Assert.Equal(weight.Source, weight.RebuildOn(new GpuWeightKernel(openCl.Device), TensorType.Q4_K));
    }

    [SkippableFact]
    public void Where_z_is_one_everywhere_another_type_gets_the_sources_values()
    {
        var weight = new Weight(33, 256, TensorType.Q4_K);
        weight.Z.AsSpan().Fill(1);
        Assert.Equal(Read(TensorType.Q4_K, weight.Source), MemoryMarshal.Cast<byte, float>(weight.RebuildOn(new GpuWeightKernel(openCl.Device), TensorType.F32)).ToArray());
    }

    [SkippableFact]
    public void Leaves_no_memory_behind()
    {
        var live = openCl.Device.LiveBuffers;
        new Weight(33, 256, TensorType.Q8_0).RebuildOn(new GpuWeightKernel(openCl.Device), TensorType.Q8_0);
        Assert.Equal(live, openCl.Device.LiveBuffers);
    }

    [SkippableFact]
    public void Refuses_a_type_without_kernels_by_name()
    {
        var weight = new Weight(4, 256, TensorType.Q2_K);
        var exception = Assert.Throws<NotSupportedException>(() => weight.RebuildOn(new GpuWeightKernel(openCl.Device), TensorType.Q2_K));
        Assert.Contains("Q2_K", exception.Message, StringComparison.Ordinal);
        Assert.Contains("Q4_K", exception.Message, StringComparison.Ordinal);
    }

    private byte[] Rebuild(Weight weight, int panel)
    {
        using var buffers = new DeviceBuffers(openCl.Device);
        var source = buffers.Allocate(weight.Source.Length);
        var basis = buffers.Allocate(weight.Basis.Length * sizeof(float));
        var destination = buffers.Allocate(weight.Source.Length);
        openCl.Device.Upload<byte>(weight.Source, source);
        openCl.Device.Upload<float>(weight.Basis, basis);
        var job = new DeviceRebuildJob
        {
            Source = source,
            SourceType = weight.Type,
            Shape = weight.Shape,
            Basis = basis,
            Z = weight.Z,
            Destination = destination,
            DestinationType = weight.Type,
            Precision = RebuildPrecision.Single,
        };
        new DeviceRebuilder(openCl.Device, panel).Run(job, buffers);
        var result = new byte[weight.Source.Length];
        openCl.Device.Download<byte>(destination, result);
        return result;
    }

    private static float[] Read(TensorType type, byte[] data)
    {
        var values = new float[data.Length / TensorTypes.Info(type).BlockBytes * TensorTypes.Info(type).BlockLength];
        Quantizer.Dequantize(type, data, values);
        return values;
    }

    /// <summary>A weight with an orthonormal basis (any will do for a rebuild) and a z that leaves a third of the values alone.</summary>
    private sealed class Weight
    {
        public Weight(int rows, int columns, TensorType type)
        {
            Shape = new MatrixShape(rows, columns);
            Type = type;
            var random = new Random((rows * 131) + columns);
            Source = new byte[TensorTypes.Info(type).BytesFor(columns) * rows];
            Quantizer.Quantize(type, Matrices.Random(random, rows * columns, 0.02), Source, columns);
            Basis = Array.ConvertAll(Matrices.Orthonormal(random, Shape.Rank), static x => (float)x);
            Z = Enumerable.Range(0, Shape.Rank).Select(i => i % 3 == 2 ? 1f : (float)(0.5 + random.NextDouble())).ToArray();
        }

        public MatrixShape Shape { get; }

        public TensorType Type { get; }

        public byte[] Source { get; }

        public float[] Basis { get; }

        public float[] Z { get; }

        public byte[] RebuildOn(IWeightKernel kernel, TensorType destinationType)
        {
            var destination = new byte[TensorTypes.Info(destinationType).BytesFor(Shape.Columns) * Shape.Rows];
            kernel.Rebuild(
                new RebuildJob
                {
                    Source = Source,
                    SourceType = Type,
                    Shape = Shape,
                    Basis = Basis,
                    Z = Z,
                    Destination = destination,
                    DestinationType = destinationType,
                },
                1, CancellationToken.None);
            return destination;
        }
    }
}
