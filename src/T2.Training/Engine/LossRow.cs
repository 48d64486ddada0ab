namespace T2.Training;

/// <summary>Loss of one position: weighted cross-entropy and KL to the base.</summary>
internal static unsafe class LossRow
{
    /// <summary>log p(target) and KL; <paramref name="logits"/> become d(weight·(−log p) + λ·KL)/dlogits = weight·(p − 1[target]) + λ·p⊙(log p − log q − KL).</summary>
    public static (float LogProbability, float Kl) Evaluate(float* logits, float* baseLogits, int vocabulary, int target, float weight, float klCoefficient)
    {
        var most = RowMath.Max(logits, vocabulary);
        if (baseLogits is not null)
            return WithBase(logits, baseLogits, vocabulary, target, weight, klCoefficient, most);
        var shifted = logits[target] - most;
        var sum = RowMath.Exp(logits, 1, most, logits, vocabulary);
        RowMath.Scale(logits, weight / sum, vocabulary);
        logits[target] -= weight;
        return (shifted - MathF.Log(sum), 0);
    }

    private static (float LogProbability, float Kl) WithBase(float* logits, float* baseLogits, int vocabulary, int target, float weight, float klCoefficient, float most)
    {
        var normaliser = LogSum(logits, vocabulary, most);
        var baseNormaliser = LogSum(baseLogits, vocabulary, RowMath.Max(baseLogits, vocabulary));
        var kl = 0.0;
        for (var i = 0; i < vocabulary; i++)
        {
            var logP = logits[i] - normaliser;
            baseLogits[i] = logP - (baseLogits[i] - baseNormaliser);
            kl += Math.Exp(logP) * baseLogits[i];
        }
        var logProbability = logits[target] - normaliser;
        for (var i = 0; i < vocabulary; i++)
            logits[i] = MathF.Exp(logits[i] - normaliser) * (weight + klCoefficient * (baseLogits[i] - (float)kl));
        logits[target] -= weight;
        return (logProbability, (float)kl);
    }

    private static float LogSum(float* x, int n, float most)
    {
        var sum = 0.0;
        for (var i = 0; i < n; i++)
            sum += MathF.Exp(x[i] - most);
        return most + (float)Math.Log(sum);
    }
}
