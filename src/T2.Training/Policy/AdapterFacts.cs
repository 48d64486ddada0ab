namespace T2.Training;

/// <summary>What an adapter's file says about its making.</summary>
/// <param name="Name">The adapter's name.</param>
/// <param name="Description">One line on what it is for; null = none.</param>
/// <param name="Task">The task it was trained on.</param>
/// <param name="Training">How, in a line.</param>
/// <param name="Details">The same for programs: full metadata keys and values.</param>
internal sealed record AdapterFacts(string Name, string? Description, string Task, string Training, IReadOnlyList<KeyValuePair<string, string>> Details)
{
    /// <summary>The facts of a finished run.</summary>
    /// <param name="request">The run.</param>
    /// <param name="objective">What it optimised, in a few words.</param>
    /// <param name="how">Its options, in a line.</param>
    /// <param name="tracker">How it went.</param>
    /// <param name="parameters">Numbers trained.</param>
    /// <param name="seed">Its seed.</param>
    /// <param name="fingerprint">The base's fingerprint.</param>
    internal static AdapterFacts Of(TrainingJob request, string objective, string how, RunTracker tracker, long parameters, ulong seed, string fingerprint)
    {
        var validation = tracker.Validation;
        return new AdapterFacts(
            request.AdapterName,
            request.Description ?? request.Task.Training.Description,
            request.Task.Training.Name,
            FormattableString.Invariant(
                $"{objective}, {how}; step {validation.BestStep} kept; validation {validation.BaseCorrect}/{tracker.ValidationItems} before, {validation.BestCorrect}/{tracker.ValidationItems} after"),
            [
                new("t2.training.objective", objective),
                new("t2.training.steps", FormattableString.Invariant($"{tracker.Step}")),
                new("t2.training.best_step", FormattableString.Invariant($"{validation.BestStep}")),
                new("t2.training.seed", FormattableString.Invariant($"{seed}")),
                new("t2.training.parameters", FormattableString.Invariant($"{parameters}")),
                new("t2.training.validation_items", FormattableString.Invariant($"{tracker.ValidationItems}")),
                new("t2.training.validation_before", FormattableString.Invariant($"{validation.BaseCorrect}")),
                new("t2.training.validation_after", FormattableString.Invariant($"{validation.BestCorrect}")),
                new("t2.training.base_fingerprint", fingerprint),
                .. request.Metadata,
            ]);
    }
}
