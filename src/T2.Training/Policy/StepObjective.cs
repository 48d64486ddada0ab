using System.Diagnostics;
using T2.Tasks;

namespace T2.Training;

/// <summary>How one step's gradient comes about.</summary>
internal abstract class StepObjective(TaskSet source, TrainingOptions options, TrainingEngine engine, TrainedAdapter adapter)
{
    /// <summary>The task's questions.</summary>
    protected TaskSet Source { get; } = source;

    /// <summary>The run's options.</summary>
    protected TrainingOptions Options { get; } = options;

    /// <summary>Finished steps since a sampled answer was rewarded: part of the run's state, which only a finished step changes.</summary>
    internal int Unrewarded { get; set; }

    /// <summary>Makes the adapter's gradient that of a step.</summary>
    /// <param name="step">Steps done before this one.</param>
    /// <param name="cancellation">Cancels; the adapter's values are untouched.</param>
    internal abstract Task<StepLoss> AccumulateAsync(int step, CancellationToken cancellation);

    /// <summary>Which of the task's questions a step asks.</summary>
    protected QuestionOrder Questions { get; } = new(source.Items.Count, options.Batch, options.Seed);

    /// <summary>Makes the gradient that of Σ weight·(−log π(answer)) + λ/n·Σ KL over n answers.</summary>
    protected (double Loss, double Kl, TimeSpan Elapsed) Accumulate(IReadOnlyList<WeightedAnswer> answers, int normaliser, CancellationToken cancellation)
    {
        long started = Stopwatch.GetTimestamp();
        adapter.Engine.ZeroGradient();
        var sum = AnswerLoss.Accumulate(engine, answers, Options.Kl / normaliser, cancellation);
        return (sum.Loss + Options.Kl / normaliser * sum.Kl, sum.MeanKl, Stopwatch.GetElapsedTime(started));
    }
}
