using T2.Gguf.Quantization;
using T2.Kernels;
using T2.Kernels.Gpu;
using T2.Weights;

namespace T2.Runtime;

/// <summary>
/// Rebuilds one weight of each type that the plan gives to the GPU there and on the CPU, and compares: a driver or a device that computes something else is
/// found before it has changed a model. It takes the smallest weights, once per model.
/// </summary>
internal static unsafe class DeviceSelfCheck
{
    /// <summary>
    /// Most that the two may differ by, of what the rebuild changes. Both round their operands (to f16 here, to 8 bits there), and where that turns a code of a
    /// coarse type they differ by a step of the type: 0.01 of the change for 4-bit types, measured on small weights. A product left out gives 1.
    /// </summary>
    private const double Tolerance = 0.1;

    /// <exception cref="GpuException">They differ; the message says where and by how much.</exception>
    internal static void Run(
        IGpuDevice device, GpuModelRebuilder rebuilder, IWeightKernel cpuKernel, int threads, GpuMemoryPlan plan, IReadOnlyList<(LiveTensor Tensor, MatrixFactors Factors)> weights)
    {
        var samples = plan.Weights.Zip(weights)
            .Where(static pair => pair.First.Placement != FactorPlacement.Cpu)
            .GroupBy(static pair => pair.First.Type)
            .Select(static type => type.MinBy(static pair => pair.First.WeightBytes).Second);
        foreach (var (tensor, factors) in samples)
        {
            double difference = Difference(device, rebuilder, cpuKernel, threads, tensor, factors);
            if (!(difference <= Tolerance))
            {
                throw new GpuException(FormattableString.Invariant(
                    $"{device.Name} rebuilds {tensor.Stored.Type} weights wrongly: '{tensor.Name}' differs from kernel '{cpuKernel.Name}' by {difference:0.###} of the change, where {Tolerance} is allowed. Nothing was changed; the kernels of the CPU can be used instead."));
            }
        }
    }

    private static double Difference(IGpuDevice device, GpuModelRebuilder rebuilder, IWeightKernel cpuKernel, int threads, LiveTensor tensor, MatrixFactors factors)
    {
        var z = new float[factors.Shape.Rank];
        // As large a change as experts ever make, so that codes turned by rounding are few beside it.
        for (int index = 0; index < z.Length; index++)
            z[index] = index % 3;
        byte[] onGpu = new byte[tensor.Stored.ByteLength], onCpu = new byte[tensor.Stored.ByteLength];
        var memory = device.Allocate(onGpu.Length);
        try
        {
            rebuilder.Rebuild(tensor.Name, factors.Basis.Span, z, memory, CancellationToken.None);
            rebuilder.Finish();
            device.Download(memory, onGpu.AsSpan());
        }
        finally
        {
            device.Free(memory);
        }
        cpuKernel.Rebuild(
            new RebuildJob
            {
                Source = tensor.Pristine,
                SourceType = tensor.Stored.Type,
                Shape = factors.Shape,
                Basis = factors.Basis.Span,
                Z = z,
                Destination = onCpu,
                DestinationType = tensor.Stored.Type,
            },
            threads,
            CancellationToken.None);
        float[] gpu = Values(tensor, onGpu), cpu = Values(tensor, onCpu), source = Values(tensor, tensor.Pristine);
        double difference = 0, change = 0;
        for (int index = 0; index < gpu.Length; index++)
        {
            difference += Square(gpu[index] - (double)cpu[index]);
            change += Square(cpu[index] - (double)source[index]);
        }
        return change == 0 ? (difference == 0 ? 0 : double.PositiveInfinity) : Math.Sqrt(difference / change);
    }

    private static float[] Values(LiveTensor tensor, ReadOnlySpan<byte> data)
    {
        var values = new float[BlockWeights.ShapeOf(tensor.Stored).Length];
        Quantizer.Dequantize(tensor.Stored.Type, data, values);
        return values;
    }

    private static double Square(double value) => value * value;
}
