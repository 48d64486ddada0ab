namespace T2.Training;

/// <summary>What a step's gradient was computed from.</summary>
/// <param name="Loss">The objective's value.</param>
/// <param name="Kl">KL(π ‖ base) of a token, in nats, averaged over the step's tokens.</param>
/// <param name="Correct">Sampled answers that were right; 0 where none are sampled.</param>
/// <param name="Sampled">Answers sampled.</param>
/// <param name="SampledTokens">Tokens of these.</param>
/// <param name="SamplingTime">Wall time of sampling and judging.</param>
/// <param name="GradientTime">Wall time of forward and backward.</param>
internal readonly record struct StepLoss(double Loss, double Kl, int Correct, int Sampled, int SampledTokens, TimeSpan SamplingTime, TimeSpan GradientTime);
