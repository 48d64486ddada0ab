namespace T2.Training;

/// <summary>How <see cref="BaseTrainer"/> trains.</summary>
public sealed record BaseTrainingOptions
{
    /// <summary>Steps of the optimiser.</summary>
    public required long Steps { get; init; }

    /// <summary>Tokens a batch holds at most (a longer document has a batch of its own).</summary>
    public int BatchTokens { get; init; } = 4096;

    /// <summary>Highest learning rate.</summary>
    public double LearningRate { get; init; } = 2e-3;

    /// <summary>Steps of linear warm-up.</summary>
    public long WarmupSteps { get; init; } = 100;

    /// <summary>Learning rate at the end of the cosine, as a share of the highest.</summary>
    public double FinalLearningRateShare { get; init; } = 0.1;

    /// <summary>The gradient's norm is cut to this; null for no limit.</summary>
    public double? ClipNorm { get; init; } = 1;

    /// <summary>Constants of AdamW.</summary>
    public AdamWOptions Optimiser { get; init; } = new() { Beta2 = 0.95, WeightDecay = 0.1 };

    /// <summary>Threads to use. The result does not depend on it.</summary>
    public int Threads { get; init; } = Environment.ProcessorCount;

    /// <summary>File of the checkpoint; where it exists training goes on from it. Null for none.</summary>
    public string? CheckpointPath { get; init; }

    /// <summary>How often the checkpoint is written.</summary>
    public TimeSpan CheckpointInterval { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>File of the log, a JSON object a line. Null for none.</summary>
    public string? LogPath { get; init; }

    /// <summary>Every how many steps there is a line in the log and a report of progress.</summary>
    public int LogEvery { get; init; } = 10;

    /// <summary>Documents to measure the loss on that are not trained on; empty for none.</summary>
    public IReadOnlyList<TrainingDocument> Validation { get; init; } = [];

    /// <summary>Every how many steps the validation loss is measured; it is measured after the last in any case.</summary>
    public int ValidateEvery { get; init; } = 200;

    /// <summary>Checks the settings.</summary>
    /// <exception cref="ArgumentException">One makes no sense; the message names it.</exception>
    public void Validate()
    {
        if (Steps < 1 || BatchTokens < 1 || Threads < 1 || LogEvery < 1 || ValidateEvery < 1 || WarmupSteps < 0)
            throw new ArgumentException("Steps, batch tokens, threads and intervals must be positive, and warm-up steps not negative.");
        if (!(LearningRate > 0) || !double.IsFinite(LearningRate) || !(FinalLearningRateShare >= 0) || ClipNorm <= 0)
            throw new ArgumentException($"A learning rate of {LearningRate}, a final share of {FinalLearningRateShare} or a clip norm of {ClipNorm} makes no sense.");
    }

    /// <summary>Everything that decides the result, in words: what a checkpoint must agree with.</summary>
    internal string Describe() => FormattableString.Invariant(
        $"steps {Steps}, batch {BatchTokens}, rate {LearningRate:r}, warm-up {WarmupSteps}, final share {FinalLearningRateShare:r}, clip {ClipNorm:r}, {Optimiser}");
}
