using System.Diagnostics;

namespace T2.Training;

/// <summary>How far a run is, how validation goes, and who is told: the same for every way of training.</summary>
internal sealed class RunTracker(TrainingJob request, int steps, int validateEvery, int patience, TrainingLog log, IProgress<TrainingProgress>? progress)
{
    private readonly long _started = Stopwatch.GetTimestamp();
    private int _timedSteps;

    /// <summary>Steps done.</summary>
    internal int Step { get; private set; }

    /// <summary>How validation went so far.</summary>
    internal ValidationState Validation { get; private set; } = ValidationState.None;

    /// <summary>Whether the state after <see cref="Step"/> is to be validated and has not been.</summary>
    internal bool IsValidationDue => Validation.ValidatedStep < Step && (Step % validateEvery == 0 || Step == steps);

    /// <summary>Whether validation has stopped improving.</summary>
    internal bool HasStalled => patience > 0 && Validation.SinceBest >= patience;

    /// <summary>Whether no step is left to do.</summary>
    internal bool IsOver => Step == steps || HasStalled;

    /// <summary>Questions validated with.</summary>
    internal int ValidationItems => request.Task.Validation.Items.Count;

    /// <summary>Takes up a run where a checkpoint left it.</summary>
    internal void Resume(TrainingCheckpoint checkpoint)
    {
        Step = checkpoint.Step;
        Validation = checkpoint.Validation;
    }

    /// <summary>Counts a validation: at step 0 of the base, later of what the run trains.</summary>
    /// <returns>Whether it is the best so far of what the run trains.</returns>
    internal bool AddValidation(Episode[] episodes)
    {
        int correct = episodes.Count(static episode => episode.Verdict.Correct);
        bool isBest = Step > 0 && correct > Validation.BestCorrect;
        Validation = Validation with { ValidatedStep = Step, LastCorrect = correct };
        if (Step == 0)
            Validation = Validation with { BaseCorrect = correct };
        else
            Validation = isBest ? Validation with { BestCorrect = correct, BestStep = Step, SinceBest = 0 } : Validation with { SinceBest = Validation.SinceBest + 1 };
        log.Add(new StepRecord { Step = Step, Validation = Share(correct) });
        Report("validated");
        return isBest;
    }

    /// <summary>Counts a finished step and logs it.</summary>
    internal void AddStep(StepRecord record)
    {
        Step++;
        _timedSteps++;
        log.Add(record with { Step = Step });
        Report("stepped");
    }

    /// <summary>Tells where the run stands.</summary>
    internal void Report(string phase) => progress?.Report(new TrainingProgress
    {
        Phase = phase,
        Step = Step,
        Steps = steps,
        Last = log.Records.LastOrDefault(static record => record.Validation is null),
        ValidationBefore = Validation.ValidatedStep >= 0 ? Share(Validation.BaseCorrect) : null,
        Validation = Validation.ValidatedStep > 0 ? Share(Validation.LastCorrect) : null,
        BestValidation = Validation.BestCorrect >= 0 ? Share(Validation.BestCorrect) : null,
        BestStep = Validation.BestStep,
        Elapsed = Stopwatch.GetElapsedTime(_started),
        Remaining = _timedSteps > 0 ? Stopwatch.GetElapsedTime(_started) / _timedSteps * (steps - Step) : null,
    });

    /// <summary>What the caller of a finished run gets.</summary>
    internal TrainingResult Result(long parameters, TimeSpan elapsed) => new(
        request.OutputPath, parameters, Step, Validation.BestStep, ValidationItems, Validation.BaseCorrect, Validation.BestCorrect, HasStalled, elapsed);

    private double Share(int correct) => (double)correct / ValidationItems;
}
