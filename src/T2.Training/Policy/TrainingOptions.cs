namespace T2.Training;

/// <summary>Everything that decides what a run computes, but the model and the task.</summary>
public sealed record TrainingOptions
{
    /// <summary>What is trained.</summary>
    public AdapterKind Kind { get; init; } = AdapterKind.Svf;

    /// <summary>What is minimised.</summary>
    public TrainingObjective Objective { get; init; } = TrainingObjective.Policy;

    /// <summary>Which weights are adapted.</summary>
    public WeightSelection Weights { get; init; } = WeightSelection.Mlp;

    /// <summary>Optimiser steps, ≥ 1.</summary>
    public int Steps { get; init; } = 100;

    /// <summary>Questions a step, ≥ 1.</summary>
    public int Batch { get; init; } = 64;

    /// <summary>Answers sampled for each question of a policy-gradient step, ≥ 1 (≥ 2 for a leave-one-out baseline).</summary>
    public int Samples { get; init; } = 4;

    /// <summary>AdamW's step size at the start; it falls to a tenth along a cosine.</summary>
    public double LearningRate { get; init; } = 0.01;

    /// <summary>λ, the weight of KL(π ‖ base), ≥ 0. Summed over an answer's tokens, averaged over answers.</summary>
    public double Kl { get; init; } = 0.1;

    /// <summary>Weight of KL(π ‖ base) on the anchor's answers, &gt; 0; counted as <see cref="Kl"/> is. Nothing without <see cref="TrainingRequest.Anchor"/>.</summary>
    public double AnchorWeight { get; init; } = 1;

    /// <summary>Questions of the anchor a step, ≥ 1.</summary>
    public int AnchorBatch { get; init; } = 16;

    /// <summary>AdamW's decoupled weight decay, ≥ 0: towards the base for z as for LoRA.</summary>
    public double WeightDecay { get; init; }

    /// <summary>Global norm that gradients are clipped to; 0 = none.</summary>
    public double ClipNorm { get; init; } = 1;

    /// <summary>What rewards are compared with.</summary>
    public RewardBaseline Baseline { get; init; } = RewardBaseline.LeaveOneOut;

    /// <summary>Sampling temperature of rollouts, &gt; 0. Only 1 makes the gradient that of the sampled policy itself.</summary>
    public float Temperature { get; init; } = 1;

    /// <summary>Which numbers stand for z.</summary>
    public SvfParametrisation Parametrisation { get; init; } = SvfParametrisation.Direct;

    /// <summary>LoRA's rank r, ≥ 1.</summary>
    public int Rank { get; init; } = 16;

    /// <summary>LoRA's α: the change is scaled by α/r.</summary>
    public float Alpha { get; init; } = 32;

    /// <summary>Steps between two validations, ≥ 1.</summary>
    public int ValidateEvery { get; init; } = 10;

    /// <summary>Validations in a row without a better one after which the run ends; 0 = never.</summary>
    public int Patience { get; init; } = 8;

    /// <summary>Steps between two checkpoints, ≥ 1.</summary>
    public int CheckpointEvery { get; init; } = 10;

    /// <summary>Steps in a row in which no answer is rewarded, after which the run ends as hopeless.</summary>
    public int HopelessAfter { get; init; } = 10;

    /// <summary>Decides the order of questions and every sample.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Checks that every option makes sense.</summary>
    /// <exception cref="ArgumentException">One is out of its range; the message names it.</exception>
    public void Validate()
    {
        Weights.Validate();
        OptionRange.Require(Steps >= 1, nameof(Steps), Steps, "at least 1");
        OptionRange.Require(Batch >= 1, nameof(Batch), Batch, "at least 1");
        OptionRange.Require(Samples >= 1, nameof(Samples), Samples, "at least 1");
        OptionRange.Require(LearningRate > 0 && double.IsFinite(LearningRate), nameof(LearningRate), LearningRate, "a positive number");
        OptionRange.Require(Kl >= 0 && double.IsFinite(Kl), nameof(Kl), Kl, "0 or more");
        OptionRange.Require(AnchorWeight > 0 && double.IsFinite(AnchorWeight), nameof(AnchorWeight), AnchorWeight, "a positive number");
        OptionRange.Require(AnchorBatch >= 1, nameof(AnchorBatch), AnchorBatch, "at least 1");
        OptionRange.Require(WeightDecay >= 0 && double.IsFinite(WeightDecay), nameof(WeightDecay), WeightDecay, "0 or more");
        OptionRange.Require(ClipNorm >= 0 && double.IsFinite(ClipNorm), nameof(ClipNorm), ClipNorm, "0 or more");
        OptionRange.Require(Temperature > 0 && float.IsFinite(Temperature), nameof(Temperature), Temperature, "a positive number");
        OptionRange.Require(Rank >= 1, nameof(Rank), Rank, "at least 1");
        OptionRange.Require(Alpha > 0 && float.IsFinite(Alpha), nameof(Alpha), Alpha, "a positive number");
        OptionRange.Require(ValidateEvery >= 1, nameof(ValidateEvery), ValidateEvery, "at least 1");
        OptionRange.Require(Patience >= 0, nameof(Patience), Patience, "0 or more");
        OptionRange.Require(CheckpointEvery >= 1, nameof(CheckpointEvery), CheckpointEvery, "at least 1");
        OptionRange.Require(HopelessAfter >= 1, nameof(HopelessAfter), HopelessAfter, "at least 1");
        if (Objective == TrainingObjective.Policy && Samples == 1 && Baseline != RewardBaseline.None)
            throw new ArgumentException($"{nameof(Samples)} is 1: a baseline needs at least two samples of a question (or no baseline at all).");
    }
}
