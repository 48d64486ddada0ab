using T2.Training.Reference;

namespace T2.Training.Tests;

/// <summary>The reference on a model whose weights tests may replace, in fp64.</summary>
internal sealed class Oracle(TrainingModel model)
{
    public Dictionary<string, double[]> Weights { get; } = model.Tensors.ToDictionary(static tensor => tensor.Name, static tensor => Array.ConvertAll(tensor.Values, static value => (double)value));

    public ReferenceTransformer Transformer() => new(model, tensor => Weights[tensor.Name]);

    public static int[] Targets(PackedBatch batch) => [.. Enumerable.Range(0, batch.Tokens.Length).Where(t => batch.Targets[t] >= 0)];

    public double[] BaseLogits(PackedBatch batch) => new Oracle(model).Transformer().Run(batch, Targets(batch), 0, null, false).Logits;

    public (ReferenceResult Result, Dictionary<string, double[]> Gradients) Gradients(PackedBatch batch, double kl = 0, double[]? baseLogits = null)
    {
        var transformer = Transformer();
        return (transformer.Run(batch, Targets(batch), kl, baseLogits, true), transformer.Gradients);
    }

    public double Loss(PackedBatch batch, double kl = 0, double[]? baseLogits = null)
    {
        var result = Transformer().Run(batch, Targets(batch), kl, baseLogits, false);
        return result.Loss + kl * result.Kl;
    }
}
