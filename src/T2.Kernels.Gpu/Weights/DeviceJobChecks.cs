using T2.Gguf;

namespace T2.Kernels.Gpu;

/// <summary>What is checked before a device job touches anything.</summary>
internal static class DeviceJobChecks
{
    /// <exception cref="ArgumentException">Something does not fit together.</exception>
    /// <exception cref="NotSupportedException">No kernel handles one of the types.</exception>
    public static void Check(in DeviceRebuildJob job)
    {
        CheckShape(job.Shape);
        var source = CheckType("Source", job.Source, job.SourceType, job.Shape);
        var destination = CheckType("Destination", job.Destination, job.DestinationType, job.Shape);
        if (job.Z.Length != job.Shape.Rank)
            throw new ArgumentException($"Z has length {job.Z.Length}; shape {job.Shape} needs {job.Shape.Rank}.", nameof(job));
        for (var i = 0; i < job.Z.Length; i++)
        {
            if (!float.IsFinite(job.Z[i]))
                throw new ArgumentException($"Z[{i}] is {job.Z[i]}; every value must be finite.", nameof(job));
        }
        if (job.Basis == DevicePointer.Null)
            throw new ArgumentException("Basis is null.", nameof(job));
        if (job.Source.Address < job.Destination.Address + (ulong)destination && job.Destination.Address < job.Source.Address + (ulong)source)
            throw new ArgumentException("Source and Destination overlap; the delta must start from pristine bytes.", nameof(job));
    }

    /// <exception cref="ArgumentException">The shape is empty or too large for a kernel's 32-bit indices.</exception>
    public static void CheckShape(MatrixShape shape)
    {
        if (shape.Rows < 1 || shape.Columns < 1)
            throw new ArgumentException($"A weight of shape {shape} is empty.", nameof(shape));
        if (shape.Length * sizeof(float) > int.MaxValue)
            throw new ArgumentException($"A weight of shape {shape} is beyond the 2³¹ bytes in fp32 that the GPU kernels address.", nameof(shape));
    }

    private static long CheckType(string what, DevicePointer pointer, TensorType type, MatrixShape shape)
    {
        // Throws for a type without kernels, naming those that have some.
        GpuKernels.Quantize(type);
        if (pointer == DevicePointer.Null)
            throw new ArgumentException($"{what} is null.");
        var info = TensorTypes.Info(type);
        if (shape.Columns % info.BlockLength != 0)
            throw new ArgumentException($"{what} has type {info.Name} with blocks of {info.BlockLength} values, but rows of {shape.Columns}.");
        return info.BytesFor(shape.Columns) * shape.Rows;
    }
}
