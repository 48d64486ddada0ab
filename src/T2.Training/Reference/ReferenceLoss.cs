namespace T2.Training.Reference;

/// <summary>Weighted cross-entropy and KL(p || base), with their gradient on the logits: w·(p − 1[target]) + λ·p⊙(log p − log q − KL).</summary>
internal sealed class ReferenceLoss(PackedBatch batch, IReadOnlyList<int> positions, int vocabulary, double klCoefficient)
{
    public ReferenceResult Evaluate(double[] logits, double[]? baseLogits)
    {
        var gradient = new double[logits.Length];
        var probabilities = new double[positions.Count];
        var (loss, klSum) = (0.0, 0.0);
        for (var row = 0; row < positions.Count; row++)
        {
            var target = batch.Targets[positions[row]];
            if (target < 0)
                continue;
            var weight = (double)batch.Weights[positions[row]];
            var logP = LogSoftmax(logits, row);
            probabilities[row] = logP[target];
            loss -= weight * logP[target];
            var kl = 0.0;
            var logQ = baseLogits is null ? null : LogSoftmax(baseLogits, row);
            if (logQ is not null)
            {
                for (var v = 0; v < vocabulary; v++)
                    kl += Math.Exp(logP[v]) * (logP[v] - logQ[v]);
                klSum += kl;
            }
            for (var v = 0; v < vocabulary; v++)
            {
                var p = Math.Exp(logP[v]);
                gradient[row * vocabulary + v] = weight * (p - (v == target ? 1 : 0)) + (logQ is null ? 0 : klCoefficient * p * (logP[v] - logQ[v] - kl));
            }
        }
        return new ReferenceResult(loss, klSum, probabilities, logits, gradient);
    }

    private double[] LogSoftmax(double[] logits, int row)
    {
        var values = logits.AsSpan(row * vocabulary, vocabulary).ToArray();
        var most = values.Max();
        var log = most + Math.Log(values.Sum(value => Math.Exp(value - most)));
        return [.. values.Select(value => value - log)];
    }
}
