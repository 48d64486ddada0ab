using System.Text.Json.Serialization;

namespace T2.Training;

/// <summary>One finished step: a line of the log.</summary>
public sealed record StepRecord
{
    /// <summary>Number of the step, from 1; 0 is the validation before the first.</summary>
    public required int Step { get; init; }

    /// <summary>The objective's value.</summary>
    public double? Loss { get; init; }

    /// <summary>Mean reward of the sampled answers, −1 to 1; null where none are sampled.</summary>
    public double? Reward { get; init; }

    /// <summary>KL(π ‖ base) of a token in nats; null where λ is 0 and it is not computed.</summary>
    public double? Kl { get; init; }

    /// <summary>KL(π ‖ base) of a token of the anchor's answers, in nats; null without an anchor.</summary>
    public double? AnchorKl { get; init; }

    /// <summary>Global norm of the gradient before clipping.</summary>
    public double? GradientNorm { get; init; }

    /// <summary>AdamW's step size.</summary>
    public double? LearningRate { get; init; }

    /// <summary>Tokens sampled.</summary>
    public int? Tokens { get; init; }

    /// <summary>Seconds spent sampling and judging.</summary>
    public double? SamplingSeconds { get; init; }

    /// <summary>Seconds spent on forward, backward and the optimiser.</summary>
    public double? GradientSeconds { get; init; }

    /// <summary>Share of validation questions answered right after the step; null where it was not validated.</summary>
    public double? Validation { get; init; }
}

/// <summary>How the log's lines are written.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(StepRecord))]
internal sealed partial class StepRecordJson : JsonSerializerContext;
