namespace T2.Training;

/// <summary>What a run minimises.</summary>
public enum TrainingObjective
{
    /// <summary>REINFORCE: −(reward − baseline)·log π(answer) + λ·KL(π ‖ base), on answers the model samples itself.</summary>
    Policy,

    /// <summary>−log π of the task's own answers, plus λ·KL(π ‖ base).</summary>
    NextToken,
}
