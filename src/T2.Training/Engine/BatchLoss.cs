namespace T2.Training;

/// <summary>What a pass over a batch measured.</summary>
/// <param name="Loss">Σ weight·(−log p(target)) over the targets, without the KL term.</param>
/// <param name="Kl">Σ KL(model || base) over the positions with a target, in nats; 0 where it was not asked for.</param>
/// <param name="Targets">Number of targets.</param>
/// <param name="TokenLogProbabilities">log p(target) at every position of the batch; 0 where there is no target.</param>
public sealed record BatchLoss(double Loss, double Kl, int Targets, float[] TokenLogProbabilities);
