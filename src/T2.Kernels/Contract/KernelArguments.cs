using T2.Gguf;
using T2.Gguf.Quantization;

namespace T2.Kernels;

/// <summary>The checks every kernel makes before it touches anything, so that all of them refuse the same things in the same words.</summary>
internal static class KernelArguments
{
    /// <exception cref="ArgumentException">A span's length does not fit the shape, or <paramref name="threads"/> is below 1.</exception>
    /// <exception cref="FactorizationException">W holds a value that is not finite.</exception>
    public static void CheckFactorize(ReadOnlySpan<float> weight, MatrixShape shape, ReadOnlySpan<double> singularValues, ReadOnlySpan<float> basis, int threads)
    {
        CheckShape(shape, threads);
        CheckLength("weight", weight.Length, shape.Length, shape);
        CheckLength("singularValues", singularValues.Length, shape.Rank, shape);
        CheckLength("basis", basis.Length, (long)shape.Rank * shape.Rank, shape);
        var bad = IndexOfNonFinite(weight);
        if (bad >= 0)
            throw new FactorizationException($"The weight holds {weight[bad]} at row {bad / shape.Columns}, column {bad % shape.Columns}; only finite values can be factorised.");
    }

    /// <exception cref="ArgumentException">Something about the job does not fit together; nothing has been written.</exception>
    public static void CheckRebuild(in RebuildJob job, int threads)
    {
        CheckShape(job.Shape, threads);
        CheckType("Source", job.SourceType, job.Source.Length, job.Shape);
        CheckType("Destination", job.DestinationType, job.Destination.Length, job.Shape);
        CheckLength("Basis", job.Basis.Length, (long)job.Shape.Rank * job.Shape.Rank, job.Shape);
        CheckLength("Z", job.Z.Length, job.Shape.Rank, job.Shape);
        var bad = IndexOfNonFinite(job.Z);
        if (bad >= 0)
            throw new ArgumentException($"Z[{bad}] is {job.Z[bad]}; every value must be finite.", nameof(job));
        if (job.Source.Overlaps(job.Destination))
            throw new ArgumentException("Source and Destination overlap; the delta must start from pristine bytes.", nameof(job));
    }

    /// <exception cref="ArgumentException">Something about the job does not fit together; nothing has been written.</exception>
    public static void CheckMix(in MixJob job, int threads)
    {
        CheckShape(job.Shape, threads);
        CheckType("Source", job.SourceType, job.Source.Length, job.Shape);
        CheckType("Destination", job.DestinationType, job.Destination.Length, job.Shape);
        if (job.DeltaType is not (TensorType.F32 or TensorType.F16 or TensorType.BF16))
            throw new ArgumentException($"Deltas of type {job.DeltaType} cannot be summed; these can: F32, F16, BF16.", nameof(job));
        if (job.Deltas.Length != job.Alpha.Length)
            throw new ArgumentException($"Alpha has length {job.Alpha.Length} for {job.Deltas.Length} deltas.", nameof(job));
        if (job.Deltas.Contains(0))
            throw new ArgumentException($"Deltas[{job.Deltas.IndexOf((nint)0)}] is null.", nameof(job));
        var bad = IndexOfNonFinite(job.Alpha);
        if (bad >= 0)
            throw new ArgumentException($"Alpha[{bad}] is {job.Alpha[bad]}; every value must be finite.", nameof(job));
        if (job.Source.Overlaps(job.Destination))
            throw new ArgumentException("Source and Destination overlap; the sum must start from pristine bytes.", nameof(job));
    }

    private static void CheckShape(MatrixShape shape, int threads)
    {
        if (shape.Rows < 1 || shape.Columns < 1)
            throw new ArgumentException($"A weight of shape {shape} is empty.", nameof(shape));
        if (threads < 1)
            throw new ArgumentOutOfRangeException(nameof(threads), threads, "At least one thread is needed.");
    }

    private static void CheckType(string what, TensorType type, int bytes, MatrixShape shape)
    {
        if (!TensorTypes.TryGetInfo(type, out var info) || !info.CanRebuild || !Quantizer.CanQuantize(type))
            throw new ArgumentException($"{what} has type {type}, which cannot be rebuilt; these can: {string.Join(", ", TensorTypes.Rebuildable)}.");
        if (shape.Columns % info.BlockLength != 0)
            throw new ArgumentException($"{what} has type {info.Name} with blocks of {info.BlockLength} values, but rows of {shape.Columns}.");
        CheckLength(what, bytes, info.BytesFor(shape.Columns) * shape.Rows, shape);
    }

    private static void CheckLength(string what, long actual, long expected, MatrixShape shape)
    {
        if (actual != expected)
            throw new ArgumentException($"{what} has length {actual}; shape {shape} needs {expected}.");
    }

    private static int IndexOfNonFinite(ReadOnlySpan<float> values)
    {
        for (var i = 0; i < values.Length; i++)
        {
            if (!float.IsFinite(values[i]))
                return i;
        }
        return -1;
    }
}
