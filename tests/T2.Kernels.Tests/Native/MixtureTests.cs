using System.Runtime.InteropServices;
using T2.Gguf;

namespace T2.Kernels.Tests;

/// <summary>Deltas and their sums, over every kernel of the registry that has them.</summary>
public unsafe class MixtureTests
{
    public static TheoryData<string> Kernels => KernelData.Kernels;

    [SkippableTheory]
    [MemberData(nameof(Kernels))]
    public void A_mixture_of_deltas_is_the_rebuild_of_the_mixed_z(string kernel)
    {
        var tested = Get(kernel);
        foreach (var shape in (MatrixShape[])[new(70, 64), new(64, 96)])
        {
            var weight = TestMatrix.Normal(shape, seed: 1);
            var source = MemoryMarshal.AsBytes<float>(weight).ToArray();
            var basis = tested.Factorize(weight, shape).Basis;
            float[] z1 = TestMatrix.Z(shape.Rank, seed: 2), z2 = TestMatrix.Z(shape.Rank, seed: 3);
            float[] alpha = [0.75f, -0.5f];
            float[] mixed = [.. z1.Zip(z2, (a, b) => 1 + (alpha[0] * (a - 1)) + (alpha[1] * (b - 1)))];
            foreach (var (type, bound) in (ReadOnlySpan<(TensorType, double)>)[(TensorType.F32, 1e-5), (TensorType.F16, 3e-4), (TensorType.BF16, 2e-3)])
            {
                var d1 = Delta(tested, source, shape, basis, z1, type);
                var d2 = Delta(tested, source, shape, basis, z2, type);
                var result = new float[shape.Length];
                fixed (byte* p1 = d1, p2 = d2)
                    Mix(tested, source, shape, [(nint)p1, (nint)p2], type, alpha, MemoryMarshal.AsBytes(result.AsSpan()));
                var error = TestMatrix.RelativeError(result, new JacobiSvd(weight, shape).Recompose(mixed));
                Assert.True(error <= bound, $"relative error {error:E2} with {type} deltas at {shape}");
            }
        }
    }

    [SkippableTheory]
    [MemberData(nameof(Kernels))]
    public void Jobs_that_do_not_fit_together_are_refused(string kernel)
    {
        var tested = Get(kernel);
        var delta = new float[6];
        fixed (float* pointer = delta)
        {
            var address = (nint)pointer;
            void Refuses(string named, nint[] deltas, TensorType type, float[] alpha, int destination = 24)
            {
                var error = Assert.ThrowsAny<ArgumentException>(() => Mix(tested, new byte[24], new MatrixShape(2, 3), deltas, type, alpha, new byte[destination]));
                Assert.Contains(named, error.Message, StringComparison.Ordinal);
            }
            Refuses("Q8_0", [address], TensorType.Q8_0, [1]);
            Refuses("Alpha has length 2", [address], TensorType.F32, [1, 2]);
            Refuses("Deltas[1] is null", [address, 0], TensorType.F32, [1, 2]);
            Refuses("Alpha[0] is NaN", [address], TensorType.F32, [float.NaN]);
            Refuses("Destination", [address], TensorType.F32, [1], destination: 20);
        }
    }

    private static IMixtureKernel Get(string name)
    {
        var kernel = KernelData.Get(name) as IMixtureKernel;
        Skip.If(kernel is null, $"Kernel {name} keeps no deltas.");
        return kernel!;
    }

    private static byte[] Delta(IMixtureKernel kernel, byte[] source, MatrixShape shape, float[] basis, float[] z, TensorType type)
    {
        var delta = new byte[TensorTypes.Info(type).BytesFor(shape.Columns) * shape.Rows];
        kernel.Delta(
            new RebuildJob
            {
                Source = source,
                SourceType = TensorType.F32,
                Shape = shape,
                Basis = basis,
                Z = z,
                Destination = delta,
                DestinationType = type,
            },
            2,
            CancellationToken.None);
        return delta;
    }

    private static void Mix(IMixtureKernel kernel, byte[] source, MatrixShape shape, nint[] deltas, TensorType type, float[] alpha, Span<byte> destination) => kernel.Mix(
        new MixJob
        {
            Source = source,
            SourceType = TensorType.F32,
            Shape = shape,
            Deltas = deltas,
            DeltaType = type,
            Alpha = alpha,
            Destination = destination,
            DestinationType = TensorType.F32,
        },
        2,
        CancellationToken.None);
}
