using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;

namespace T2.Kernels;

/// <summary>How much of the machine one call may use, and when it is to stop.</summary>
/// <param name="Threads">Upper bound of threads, ≥ 1.</param>
/// <param name="Cancellation">Checked before every item of every loop.</param>
internal readonly record struct ParallelWork(int Threads, CancellationToken Cancellation)
{
    /// <summary>A parallel loop that is an ordinary loop for one thread, and throws what the body threw.</summary>
    public void For(int count, Action<int> body)
    {
        if (Threads <= 1 || count <= 1)
        {
            for (var i = 0; i < count; i++)
            {
                Cancellation.ThrowIfCancellationRequested();
                body(i);
            }
            return;
        }
        var options = Options;
        Unwrapped(() => Parallel.For(0, count, options, body));
    }

    /// <summary>The same over items that are to be begun in their order, each taken by whichever thread is free.</summary>
    public void ForEach<T>(IEnumerable<T> items, Action<T> body)
    {
        var options = Options;
        Unwrapped(() => Parallel.ForEach(Partitioner.Create(items, EnumerablePartitionerOptions.NoBuffering), options, body));
    }

    private ParallelOptions Options => new() { MaxDegreeOfParallelism = Threads, CancellationToken = Cancellation };

    private static void Unwrapped(Action loop)
    {
        try
        {
            loop();
        }
        catch (AggregateException many)
        {
            ExceptionDispatchInfo.Throw(many.Flatten().InnerExceptions[0]);
        }
    }
}
