using T2.Tasks;

namespace T2.Evaluation;

/// <summary>Counts answers and reports now and then. Thread-safe.</summary>
internal sealed class ProgressCounter
{
    private static readonly TimeSpan s_interval = TimeSpan.FromMilliseconds(100);

    private readonly IProgress<EvaluationProgress>? _progress;
    private readonly Lock _lock = new();
    private readonly int _allItems;
    private int _allDone;
    private long _reported;
    private EvaluationProgress _now;

    internal ProgressCounter(IReadOnlyList<TaskSet> tasks, IReadOnlyList<EvaluationStrategy> strategies, EvaluationLog log, IProgress<EvaluationProgress>? progress)
    {
        _progress = progress;
        _allItems = tasks.Sum(static task => task.Items.Count) * strategies.Count;
        foreach (var task in tasks)
        {
            foreach (var strategy in strategies)
                _allDone += task.Items.Count - Evaluator.Pending(task, strategy, log).Count();
        }
    }

    internal void Begin(TaskSet task, EvaluationStrategy strategy, int done, int correct)
    {
        lock (_lock)
            _now = new(task.Name, strategy.Name, done, task.Items.Count, correct, _allDone, _allItems);
        Report();
    }

    internal void Count(bool correct)
    {
        bool due;
        lock (_lock)
        {
            _now = _now with { Done = _now.Done + 1, Correct = _now.Correct + (correct ? 1 : 0), AllDone = ++_allDone };
            due = _now.Done == _now.Items || TimeProvider.System.GetElapsedTime(_reported) >= s_interval;
        }
        if (due)
            Report();
    }

    private void Report()
    {
        EvaluationProgress now;
        lock (_lock)
        {
            _reported = TimeProvider.System.GetTimestamp();
            now = _now;
        }
        _progress?.Report(now);
    }
}
