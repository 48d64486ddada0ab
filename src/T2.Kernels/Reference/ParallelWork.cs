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
        try
        {
            Parallel.For(0, count, new ParallelOptions { MaxDegreeOfParallelism = Threads, CancellationToken = Cancellation }, body);
        }
        catch (AggregateException many)
        {
            ExceptionDispatchInfo.Throw(many.Flatten().InnerExceptions[0]);
        }
    }
}
