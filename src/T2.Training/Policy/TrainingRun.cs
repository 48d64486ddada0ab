using System.Diagnostics;

namespace T2.Training;

/// <summary>
/// The loop by gradient: validate, gradient, optimiser, checkpoint. Whatever interrupts it, <see cref="Snapshot"/> is the state after the last finished step,
/// for the numbers change in one place only and nothing cancels in between.
/// </summary>
internal sealed class TrainingRun(
    TrainingRequest request, RunSettings settings, TrainedAdapter adapter, AdamW optimiser, StepObjective objective, Anchor? anchor, RolloutEngine rollouts, RunTracker tracker)
{
    private readonly TrainingOptions _options = request.Options;
    private readonly LearningRate _schedule = new(request.Options.LearningRate, request.Options.Steps, FinalShare: 0.1);
    private readonly float[][] _best = [.. adapter.Optimised.Tensors.Select(static tensor => (float[])tensor.Values.Clone())];

    /// <summary>Runs to the end and leaves the adapter at its best.</summary>
    internal async Task RunAsync(CancellationToken cancellation)
    {
        while (true)
        {
            if (tracker.IsValidationDue)
                await ValidateAsync(cancellation).ConfigureAwait(false);
            if (tracker.IsOver)
                break;
            // After validation, so that a resumed run neither repeats it nor misses it.
            if (tracker.Step > 0 && tracker.Step % _options.CheckpointEvery == 0)
                Snapshot().Save(request.CheckpointPath);
            await StepAsync(cancellation).ConfigureAwait(false);
        }
        for (int index = 0; index < _best.Length; index++)
            _best[index].CopyTo(adapter.Optimised.Tensors[index].Values, 0);
        adapter.ApplyValues();
    }

    /// <summary>The state after the last finished step.</summary>
    internal TrainingCheckpoint Snapshot()
    {
        var tensors = new OrderedDictionary<string, float[]>(StringComparer.Ordinal);
        for (int index = 0; index < _best.Length; index++)
        {
            foreach (var (name, values) in StateOf(index))
                tensors.Add(name, values);
        }
        return new TrainingCheckpoint
        {
            Settings = settings.Serialize(),
            Step = tracker.Step,
            OptimiserStep = optimiser.StepCount,
            Validation = tracker.Validation,
            Unrewarded = objective.Unrewarded,
            Tensors = tensors,
        };
    }

    /// <summary>Takes up a run where a checkpoint left it.</summary>
    /// <exception cref="TrainingException">The checkpoint is of another run.</exception>
    internal void Resume(TrainingCheckpoint checkpoint)
    {
        settings.Require(checkpoint, request.CheckpointPath);
        for (int index = 0; index < _best.Length; index++)
        {
            foreach (var (name, into) in StateOf(index))
            {
                if (!checkpoint.Tensors.TryGetValue(name, out float[]? values) || values.Length != into.Length)
                    throw new TrainingException($"{request.CheckpointPath} lacks '{name}' with {into.Length} values; it does not belong to this run.");
                values.CopyTo(into, 0);
            }
        }
        optimiser.StepCount = checkpoint.OptimiserStep;
        objective.Unrewarded = checkpoint.Unrewarded;
        tracker.Resume(checkpoint);
        adapter.ApplyValues();
    }

    /// <summary>All numbers of the tensor at <paramref name="index"/> that the run's course depends on, by their names in a checkpoint.</summary>
    private IEnumerable<(string Name, float[] Values)> StateOf(int index)
    {
        var tensor = adapter.Optimised.Tensors[index];
        yield return ("value/" + tensor.Name, tensor.Values);
        yield return ("first/" + tensor.Name, optimiser.First[index]);
        yield return ("second/" + tensor.Name, optimiser.Second[index]);
        yield return ("best/" + tensor.Name, _best[index]);
    }

    private async Task StepAsync(CancellationToken cancellation)
    {
        tracker.Report(_options.Objective == TrainingObjective.Policy ? "sampling" : "learning");
        double rate = _schedule.At(tracker.Step);
        var loss = await objective.AccumulateAsync(tracker.Step, cancellation).ConfigureAwait(false);
        long held = Stopwatch.GetTimestamp();
        var kept = anchor?.Accumulate(tracker.Step, cancellation);
        var gradientTime = loss.GradientTime + Stopwatch.GetElapsedTime(held);
        adapter.GatherGradient();
        double norm = Update(rate);
        bool sampled = loss.Sampled > 0;
        objective.Unrewarded = sampled && loss.Correct == 0 ? objective.Unrewarded + 1 : 0;
        tracker.AddStep(new StepRecord
        {
            Step = 0,
            Loss = loss.Loss + (kept?.Loss ?? 0),
            Reward = sampled ? 2.0 * loss.Correct / loss.Sampled - 1 : null,
            Kl = _options.Kl > 0 ? loss.Kl : null,
            AnchorKl = kept?.Kl,
            GradientNorm = norm,
            LearningRate = rate,
            Tokens = sampled ? loss.SampledTokens : null,
            SamplingSeconds = sampled ? Math.Round(loss.SamplingTime.TotalSeconds, 4) : null,
            GradientSeconds = Math.Round(gradientTime.TotalSeconds, 4),
        });
    }

    private async Task ValidateAsync(CancellationToken cancellation)
    {
        tracker.Report("validating");
        // Step 0 is the base itself, not a z of ones: what the file's bytes answer.
        if (tracker.Step == 0)
            adapter.Hide(rollouts.Generator);
        var expert = tracker.Step == 0 ? null : adapter.Show(rollouts.Generator);
        if (!tracker.AddValidation(await rollouts.AnswerAsync(request.Task.Validation.Items, expert, cancellation).ConfigureAwait(false)))
            return;
        for (int index = 0; index < _best.Length; index++)
            adapter.Optimised.Tensors[index].Values.CopyTo(_best[index], 0);
    }

    /// <summary>One step of the optimiser, or none at all.</summary>
    private double Update(double rate)
    {
        float[][] before = [.. Enumerable.Range(0, _best.Length).SelectMany(StateOf).Select(static state => (float[])state.Values.Clone())];
        double norm = optimiser.Step(rate, _options.ClipNorm > 0 ? _options.ClipNorm : null);
        adapter.ApplyValues();
        if (adapter.Problem() is not { } problem)
            return norm;
        foreach (var (good, (_, values)) in before.Zip(Enumerable.Range(0, _best.Length).SelectMany(StateOf)))
            good.CopyTo(values, 0);
        optimiser.StepCount--;
        adapter.ApplyValues();
        throw new TrainingException($"Step {tracker.Step + 1} would take {problem}; it was not done. Try a lower learning rate, or more KL.");
    }
}
