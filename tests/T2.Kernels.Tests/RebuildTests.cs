using System.Runtime.InteropServices;
using T2.Gguf;
using T2.Gguf.Quantization;

namespace T2.Kernels.Tests;

public class RebuildTests
{
    public static TheoryData<string> Kernels => KernelData.Kernels;

    public static TheoryData<string, int, int> KernelsAndShapes => KernelData.KernelsAndShapes;

    public static TheoryData<string, TensorType> KernelsAndTypes => KernelData.KernelsAndTypes;

    [SkippableTheory]
    [MemberData(nameof(KernelsAndShapes))]
    public void A_rebuilt_weight_is_that_of_the_oracle(string kernel, int rows, int columns)
    {
        var shape = new MatrixShape(rows, columns);
        var weight = TestMatrix.Normal(shape, seed: rows + (1000 * columns));
        AssertRebuilt(KernelData.Get(kernel), weight, shape, TestMatrix.Z(shape.Rank, seed: 3), bound: 1e-5);
    }

    [Fact]
    public void The_reference_keeps_its_stated_bound()
    {
        foreach (var shape in (MatrixShape[])[new(200, 193), new(193, 200), new(97, 97)])
            AssertRebuilt(new ReferenceKernel(), TestMatrix.Normal(shape, seed: 11), shape, TestMatrix.Z(shape.Rank, seed: 4), bound: 5e-7);
    }

    [SkippableTheory]
    [MemberData(nameof(Kernels))]
    public void Clustered_deficient_and_zero_weights_are_rebuilt(string kernel)
    {
        var tested = KernelData.Get(kernel);
        foreach (var shape in (MatrixShape[])[new(60, 40), new(40, 60)])
        {
            // Within a cluster the vectors are anyone's choice, so z is the same there.
            double[] clustered = [.. Enumerable.Range(0, shape.Rank).Select(static i => Math.Pow(10, -(i / 10)))];
            AssertRebuilt(tested, TestMatrix.WithSpectrum(shape, clustered, seed: 5), shape, TestMatrix.Z(shape.Rank, seed: 5, groupSize: 10), bound: 1e-5);

            double[] steep = [.. Enumerable.Range(0, shape.Rank).Select(static i => Math.Pow(10, -i / 3.0))];
            AssertRebuilt(tested, TestMatrix.WithSpectrum(shape, steep, seed: 6), shape, TestMatrix.Z(shape.Rank, seed: 6), bound: 1e-5);

            double[] deficient = [.. Enumerable.Range(0, shape.Rank).Select(static i => i < 7 ? 1.0 - (0.1 * i) : 0)];
            AssertRebuilt(tested, TestMatrix.WithSpectrum(shape, deficient, seed: 7), shape, TestMatrix.Z(shape.Rank, seed: 7), bound: 1e-5);

            AssertRebuilt(tested, new float[shape.Length], shape, TestMatrix.Z(shape.Rank, seed: 8), bound: 0);
        }
    }

    [SkippableTheory]
    [MemberData(nameof(Kernels))]
    public void One_changed_z_scales_one_singular_value(string kernel)
    {
        var tested = KernelData.Get(kernel);
        foreach (var shape in (MatrixShape[])[new(70, 50), new(50, 70)])
        {
            foreach (var index in (int[])[0, 17, 49])
            {
                var z = Enumerable.Repeat(1f, shape.Rank).ToArray();
                z[index] = -2;
                AssertRebuilt(tested, TestMatrix.Normal(shape, seed: 9), shape, z, bound: 1e-5);
            }
        }
    }

    [SkippableTheory]
    [MemberData(nameof(KernelsAndTypes))]
    public void The_bytes_do_not_depend_on_the_number_of_threads(string kernel, TensorType type)
    {
        var tested = KernelData.Get(kernel);
        foreach (var shape in (MatrixShape[])[new(256, 512), new(512, 256), new(129, 768), new(700, 256)])
        {
            var weight = TestMatrix.Normal(shape, seed: 12);
            var (_, basis) = tested.Factorize(weight, shape);
            var z = TestMatrix.Z(shape.Rank, seed: 12);
            var source = new byte[TensorTypes.Info(type).BytesFor(shape.Columns) * shape.Rows];
            Quantizer.Quantize(type, weight, source, shape.Columns);
            byte[] Rebuilt(int threads)
            {
                var destination = new byte[source.Length];
                tested.Rebuild(
                    new RebuildJob { Source = source, SourceType = type, Shape = shape, Basis = basis, Z = z, Destination = destination, DestinationType = type },
                    threads,
                    CancellationToken.None);
                return destination;
            }
            var alone = Rebuilt(1);
            foreach (var threads in (int[])[2, 3, 4, 7])
                Assert.True(alone.AsSpan().SequenceEqual(Rebuilt(threads)), $"{type} {shape} with {threads} threads");
        }
    }

    [SkippableTheory]
    [MemberData(nameof(KernelsAndTypes))]
    public void Z_of_one_copies_the_very_bytes(string kernel, TensorType type)
    {
        var tested = KernelData.Get(kernel);
        foreach (var shape in (MatrixShape[])[new(5, 512), new(300, 256)])
        {
            // Any bytes, NaN scales among them: whoever decodes and encodes again would change some.
            var source = new byte[TensorTypes.Info(type).BytesFor(shape.Columns) * shape.Rows];
            new Random(12).NextBytes(source);
            var destination = new byte[source.Length];
            var basis = TestMatrix.Normal(new MatrixShape(shape.Rank, shape.Rank), seed: 13);
            Rebuild(tested, source, type, destination, type, shape, basis, Enumerable.Repeat(1f, shape.Rank).ToArray());
            Assert.Equal(source, destination);
        }
    }

    [SkippableTheory]
    [MemberData(nameof(KernelsAndTypes))]
    public void A_quantised_weight_is_the_quantised_exact_result(string kernel, TensorType type)
    {
        var tested = KernelData.Get(kernel);
        var block = Math.Max(32, TensorTypes.Info(type).BlockLength);
        foreach (var shape in (MatrixShape[])[new(24, 512), new(block + 9, block)])
        {
            var (source, weight) = Quantised(TestMatrix.Normal(shape, seed: 14), type, shape);
            var z = TestMatrix.Z(shape.Rank, seed: 15);
            var exact = new JacobiSvd(weight, shape).Recompose(z);
            var (expectedBytes, expected) = Quantised([.. exact.Select(static value => (float)value)], type, shape);

            var actualBytes = new byte[source.Length];
            Rebuild(tested, source, type, actualBytes, type, shape, tested.Factorize(weight, shape).Basis, z);
            var actual = new float[shape.Length];
            Quantizer.Dequantize(type, actualBytes, actual);

            // What every kernel promises: at most a tenth more error than quantising the exact result. A fast one may use that room for cheaper products.
            var error = TestMatrix.RelativeError(actual, exact);
            var floor = TestMatrix.RelativeError(expected, exact);
            Assert.True(error <= (1.1 * floor) + 1e-6, $"{type}: error {error:e2}, of the exact result {floor:e2}");
            if (kernel != "reference" || type == TensorType.F32)
                continue;

            // The reference differs from the exact result only in its last bits, so that few values fall to the other side of a border between two codes.
            Assert.True(error <= (1.001 * floor) + 1e-6);
            Assert.InRange(actualBytes.Zip(expectedBytes).Count(static pair => pair.First != pair.Second), 0, 0.02 * actualBytes.Length);
        }
    }

    [SkippableTheory]
    [MemberData(nameof(Kernels))]
    public void The_destination_may_have_another_type(string kernel)
    {
        var tested = KernelData.Get(kernel);
        var shape = new MatrixShape(40, 64);
        var (source, weight) = Quantised(TestMatrix.Normal(shape, seed: 16), TensorType.Q4_0, shape);
        var basis = tested.Factorize(weight, shape).Basis;
        var destination = new byte[shape.Length * 4];

        var z = TestMatrix.Z(shape.Rank, seed: 17);
        Rebuild(tested, source, TensorType.Q4_0, destination, TensorType.F32, shape, basis, z);
        Assert.InRange(TestMatrix.RelativeError(MemoryMarshal.Cast<byte, float>(destination), new JacobiSvd(weight, shape).Recompose(z)), 0, 1e-5);

        Rebuild(tested, source, TensorType.Q4_0, destination, TensorType.F32, shape, basis, Enumerable.Repeat(1f, shape.Rank).ToArray());
        Assert.Equal(weight, MemoryMarshal.Cast<byte, float>(destination).ToArray());
    }

    [SkippableTheory]
    [MemberData(nameof(Kernels))]
    public void Calls_from_several_threads_do_not_disturb_each_other(string kernel)
    {
        var tested = KernelData.Get(kernel);
        var shape = new MatrixShape(130, 96);
        var weight = TestMatrix.Normal(shape, seed: 18);
        var source = MemoryMarshal.AsBytes<float>(weight).ToArray();
        var basis = tested.Factorize(weight, shape).Basis;
        var results = new byte[8][];
        Parallel.For(0, results.Length, i =>
        {
            results[i] = new byte[source.Length];
            Rebuild(tested, source, TensorType.F32, results[i], TensorType.F32, shape, basis, TestMatrix.Z(shape.Rank, seed: i / 2));
        });
        for (var i = 0; i < results.Length; i += 2)
            Assert.Equal(results[i], results[i + 1]);
        Assert.NotEqual(results[0], results[2]);
    }

    [SkippableTheory]
    [MemberData(nameof(Kernels))]
    public void A_job_that_does_not_fit_together_is_refused_before_anything_is_written(string kernel)
    {
        var tested = KernelData.Get(kernel);
        void Refuses(
            string named, int rows = 2, int columns = 64, int source = 68 * 2, int destination = 68 * 2, int basis = 4, int threads = 1,
            TensorType type = TensorType.Q8_0, float[]? z = null)
        {
            var bytes = Enumerable.Repeat((byte)0xA5, destination).ToArray();
            var error = Assert.ThrowsAny<ArgumentException>(() => tested.Rebuild(
                new RebuildJob
                {
                    Source = new byte[source],
                    SourceType = TensorType.Q8_0,
                    Shape = new MatrixShape(rows, columns),
                    Basis = new float[basis],
                    Z = z ?? [2, 2],
                    Destination = bytes,
                    DestinationType = type,
                },
                threads,
                CancellationToken.None));
            Assert.Contains(named, error.Message, StringComparison.Ordinal);
            Assert.All(bytes, static value => Assert.Equal(0xA5, value));
        }
        Refuses("Z has length 3", z: [1, 1, 1]);
        Refuses("Z[1] is NaN", z: [2, float.NaN]);
        Refuses("Source", source: 135);
        Refuses("Destination", destination: 137);
        Refuses("Basis", basis: 64);
        Refuses("IQ4_XS", type: TensorType.IQ4_XS);
        Refuses("type 4", type: (TensorType)4);
        Refuses("rows of 64", type: TensorType.Q4_K);
        Refuses("0×64", rows: 0);
        Refuses("thread", threads: 0);
    }

    [SkippableTheory]
    [MemberData(nameof(Kernels))]
    public void A_destination_that_overlaps_the_source_is_refused(string kernel)
    {
        var tested = KernelData.Get(kernel);
        var memory = new byte[24];
        foreach (var offset in (int[])[0, 4, 8])
        {
            var error = Assert.Throws<ArgumentException>(() => tested.Rebuild(
                new RebuildJob
                {
                    Source = memory.AsSpan(0, 12),
                    SourceType = TensorType.F32,
                    Shape = new MatrixShape(1, 3),
                    Basis = [1],
                    Z = [2],
                    Destination = memory.AsSpan(offset, 12),
                    DestinationType = TensorType.F32,
                },
                1,
                CancellationToken.None));
            Assert.Contains("overlap", error.Message, StringComparison.Ordinal);
        }
    }

    [SkippableTheory]
    [MemberData(nameof(Kernels))]
    public void A_cancelled_call_writes_nothing(string kernel)
    {
        var tested = KernelData.Get(kernel);
        foreach (var z in (float[])[1, 2])
        {
            var destination = new byte[4];
            Assert.ThrowsAny<OperationCanceledException>(() => tested.Rebuild(
                new RebuildJob
                {
                    Source = [0, 0, 128, 63],
                    SourceType = TensorType.F32,
                    Shape = new MatrixShape(1, 1),
                    Basis = [1],
                    Z = [z],
                    Destination = destination,
                    DestinationType = TensorType.F32,
                },
                1,
                new CancellationToken(canceled: true)));
            Assert.Equal(new byte[4], destination);
        }
    }

    private static void AssertRebuilt(IWeightKernel kernel, float[] weight, MatrixShape shape, float[] z, double bound)
    {
        var result = new float[shape.Length];
        Rebuild(
            kernel, MemoryMarshal.AsBytes<float>(weight), TensorType.F32, MemoryMarshal.AsBytes(result.AsSpan()), TensorType.F32,
            shape, kernel.Factorize(weight, shape).Basis, z);
        var error = TestMatrix.RelativeError(result, new JacobiSvd(weight, shape).Recompose(z));
        Assert.True(error <= bound, $"relative error {error:E2} at {shape}");
    }

    private static void Rebuild(
        IWeightKernel kernel, ReadOnlySpan<byte> source, TensorType sourceType, Span<byte> destination, TensorType destinationType,
        MatrixShape shape, float[] basis, float[] z) => kernel.Rebuild(
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
            Environment.ProcessorCount,
            CancellationToken.None);

    /// <summary>Bytes of the quantised values, and what they stand for.</summary>
    private static (byte[] Bytes, float[] Values) Quantised(float[] values, TensorType type, MatrixShape shape)
    {
        var bytes = new byte[TensorTypes.Info(type).BytesFor(shape.Columns) * shape.Rows];
        Quantizer.Quantize(type, values, bytes, shape.Columns);
        var decoded = new float[values.Length];
        Quantizer.Dequantize(type, bytes, decoded);
        return (bytes, decoded);
    }
}
