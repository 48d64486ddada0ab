using System.Diagnostics;

namespace T2.Kernels;

/// <summary>Turns finished weights into <see cref="FactorProgress"/>, one report at a time whatever thread it comes from.</summary>
internal sealed class FactorReporter(IReadOnlyCollection<FactorTask> tasks, IProgress<FactorProgress>? progress)
{
    private readonly double _totalFlops = tasks.Sum(static task => task.Flops);
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private readonly Lock _lock = new();
    private int _completed;
    private double _doneFlops;
    private double _computedFlops;
    private string? _weight;

    public void Note(string text) => Report(text);

    /// <summary>Counts a weight that needed no computing.</summary>
    public void Found(FactorTask task)
    {
        lock (_lock)
        {
            _completed++;
            _doneFlops += task.Flops;
        }
    }

    public void Begun(FactorTask task)
    {
        lock (_lock)
        {
            _weight = task.Name;
            Report(null);
        }
    }

    public void Computed(FactorTask task)
    {
        lock (_lock)
        {
            Found(task);
            _computedFlops += task.Flops;
            _weight = task.Name;
            Report(null);
        }
    }

    private void Report(string? note)
    {
        lock (_lock)
        {
            var elapsed = _clock.Elapsed;
            var fraction = _completed == tasks.Count ? 1 : Math.Min(_doneFlops / _totalFlops, 1);
            TimeSpan? remaining = _computedFlops > 0 ? elapsed * (Math.Max(_totalFlops - _doneFlops, 0) / _computedFlops) : null;
            progress?.Report(new FactorProgress(_completed, tasks.Count, fraction, elapsed, remaining, _weight, note));
        }
    }
}
