namespace T2.Training;

/// <summary>Where pre-training is.</summary>
/// <param name="Step">Steps done.</param>
/// <param name="Steps">Steps in all.</param>
/// <param name="Loss">Mean loss a token, in nats, over the steps since the last report.</param>
/// <param name="ValidationLoss">The same on the validation documents, the last time it was measured; null before.</param>
/// <param name="LearningRate">Rate of the last step.</param>
/// <param name="GradientNorm">Norm of the last gradient, before clipping.</param>
/// <param name="Tokens">Tokens trained on so far.</param>
/// <param name="TokensPerSecond">Since the last report, everything included.</param>
/// <param name="Elapsed">Time so far, without the time between a stop and its resumption.</param>
/// <param name="Remaining">Time left at this speed.</param>
public sealed record BaseProgress(
    long Step, long Steps, double Loss, double? ValidationLoss, double LearningRate, double GradientNorm, long Tokens, double TokensPerSecond, TimeSpan Elapsed, TimeSpan Remaining);
