using CommunityToolkit.HighPerformance.Buffers;
using T2.Gguf;

namespace T2.Kernels;

/// <summary>Computes the missing weights of a partial file: several at once as far as threads and memory allow, the largest first.</summary>
internal sealed unsafe class FactorRun(GgufFile model, IWeightKernel kernel, PartialFactorFile file, FactorReporter reporter)
{
    private const int RowsAtOnce = 64;

    /// <exception cref="ArgumentException">The memory budget is too small for one of the weights.</exception>
    public void Compute(IReadOnlyCollection<FactorTask> missing, FactorOptions options, CancellationToken cancellation)
    {
        if (missing.Count == 0)
            return;
        var hungriest = missing.MaxBy(static task => task.WorkingBytes)!;
        if (hungriest.WorkingBytes > options.MemoryBudgetBytes)
        {
            throw new ArgumentException(
                $"Factorising {hungriest.Name} ({hungriest.Shape}) takes {hungriest.WorkingBytes} bytes of memory, {nameof(FactorOptions.MemoryBudgetBytes)} is {options.MemoryBudgetBytes}.",
                nameof(options));
        }
        var atOnce = (int)Math.Min(Math.Min(options.Threads, missing.Count), options.MemoryBudgetBytes / hungriest.WorkingBytes);
        var threadsEach = Math.Max(1, options.Threads / atOnce);
        new ParallelWork(atOnce, cancellation).ForEach(
            missing.OrderByDescending(static task => task.Flops),
            task => Compute(task, threadsEach, cancellation));
    }

    private void Compute(FactorTask task, int threads, CancellationToken cancellation)
    {
        reporter.Begun(task);
        var shape = task.Shape;
        var sigma = new double[shape.Rank];
        using var weight = MemoryOwner<float>.Allocate((int)shape.Length);
        using var basis = MemoryOwner<float>.Allocate(shape.Rank * shape.Rank);
        var rows = new RowBytes(model.GetPointer(task.Tensor), task.Tensor.Type, shape.Columns);
        for (var row = 0; row < shape.Rows; row += RowsAtOnce)
        {
            cancellation.ThrowIfCancellationRequested();
            var count = Math.Min(RowsAtOnce, shape.Rows - row);
            rows.Read(row, count, weight.Span.Slice(row * shape.Columns, count * shape.Columns));
        }
        try
        {
            kernel.Factorize(weight.Span, shape, sigma, basis.Span, threads, cancellation);
        }
        catch (FactorizationException e)
        {
            throw new FactorizationException($"{model.Path}, tensor {task.Name}: {e.Message}", e);
        }
        file.Append(task.Name, shape, kernel.Name, sigma, basis.Span);
        reporter.Computed(task);
    }
}
