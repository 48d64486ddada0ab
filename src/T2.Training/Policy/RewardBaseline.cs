namespace T2.Training;

/// <summary>What is subtracted from a sample's reward to make its advantage.</summary>
public enum RewardBaseline
{
    /// <summary>The mean reward of the other samples of the same question: unbiased.</summary>
    LeaveOneOut,

    /// <summary>The mean reward of all samples of the same question, this one included.</summary>
    Mean,

    /// <summary>Nothing, as in the paper: every right answer is pushed up, every wrong one down.</summary>
    None,
}
