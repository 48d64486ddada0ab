namespace T2.Training;

/// <summary>Linear warm-up, then half a cosine down to a share of the peak.</summary>
/// <param name="Peak">Highest rate.</param>
/// <param name="Steps">Steps in all.</param>
/// <param name="WarmupSteps">Steps until the peak.</param>
/// <param name="FinalShare">What the cosine has fallen to after the last step, as a share of the peak.</param>
public sealed record LearningRate(double Peak, long Steps, long WarmupSteps = 0, double FinalShare = 0)
{
    /// <summary>The rate of step <paramref name="step"/>, counted from 0.</summary>
    public double At(long step)
    {
        if (step < WarmupSteps)
            return Peak * (step + 1) / WarmupSteps;
        var progress = Math.Clamp((double)(step - WarmupSteps) / Math.Max(1, Steps - WarmupSteps), 0, 1);
        return Peak * (FinalShare + (1 - FinalShare) * 0.5 * (1 + Math.Cos(Math.PI * progress)));
    }
}
