namespace T2.Training.Reference;

/// <summary>
/// The decoder and its gradient as plain loops in fp64: slow, and what the fast engine is tested against. Weights come from a function of the tensor's name,
/// so tests can shift single values.
/// </summary>
internal sealed class ReferenceTransformer(TrainingModel model, Func<ModelTensor, double[]> weights)
{
    private readonly ModelShape _shape = model.Shape;

    /// <summary>dLoss/dW of every tensor, by name; filled by <see cref="Run"/> where gradients are asked for.</summary>
    public Dictionary<string, double[]> Gradients { get; } = new(StringComparer.Ordinal);

    /// <summary>Σ weight·(−log p) + λ·Σ KL(p || base), and the logits row by row of <paramref name="positions"/>.</summary>
    public ReferenceResult Run(PackedBatch batch, IReadOnlyList<int> positions, double klCoefficient, double[]? baseLogits, bool gradients)
    {
        var (s, tokens) = (_shape, batch.Tokens.Length);
        var embedding = weights(model.TokenEmbedding);
        var x = new double[tokens * s.Embedding];
        for (var t = 0; t < tokens; t++)
            Array.Copy(embedding, batch.Tokens[t] * s.Embedding, x, t * s.Embedding, s.Embedding);
        var place = PlacesOf(batch);
        var layers = new List<ReferenceLayer>();
        foreach (var layer in model.Layers)
        {
            var run = new ReferenceLayer(model, layer, weights, batch, place);
            x = run.Forward(x);
            layers.Add(run);
        }
        var norm = new ReferenceNorm(weights(model.OutputNorm), s.RmsEpsilon);
        var hidden = norm.Forward(x);
        var picked = Rows(hidden, positions, s.Embedding);
        var head = weights(model.Head);
        var logits = ReferenceLinear.Forward(picked, head, null, s.VocabularySize, s.Embedding);
        var result = new ReferenceLoss(batch, positions, s.VocabularySize, klCoefficient).Evaluate(logits, baseLogits);
        if (!gradients)
            return result;

        Gradients.Clear();
        var dPicked = ReferenceLinear.Backward(picked, head, result.LogitGradient, s.VocabularySize, s.Embedding, Gradient(model.Head), null);
        var dHidden = new double[hidden.Length];
        for (var row = 0; row < positions.Count; row++)
            Array.Copy(dPicked, row * s.Embedding, dHidden, positions[row] * s.Embedding, s.Embedding);
        var dx = norm.Backward(x, dHidden, Gradient(model.OutputNorm));
        for (var layer = layers.Count - 1; layer >= 0; layer--)
            dx = layers[layer].Backward(dx, Gradient);
        var dEmbedding = Gradient(model.TokenEmbedding);
        for (var t = 0; t < tokens; t++)
        {
            for (var i = 0; i < s.Embedding; i++)
                dEmbedding[batch.Tokens[t] * s.Embedding + i] += dx[t * s.Embedding + i];
        }
        return result;
    }

    private double[] Gradient(ModelTensor tensor)
    {
        if (!Gradients.TryGetValue(tensor.Name, out var gradient))
            Gradients[tensor.Name] = gradient = new double[tensor.Values.Length];
        return gradient;
    }

    private static double[] Rows(double[] values, IReadOnlyList<int> positions, int width)
    {
        var rows = new double[positions.Count * width];
        for (var row = 0; row < positions.Count; row++)
            Array.Copy(values, positions[row] * width, rows, row * width, width);
        return rows;
    }

    private static (int Start, int Position)[] PlacesOf(PackedBatch batch)
    {
        var places = new (int, int)[batch.Tokens.Length];
        for (var q = 0; q < batch.Sequences; q++)
        {
            for (var t = batch.SequenceStart[q]; t < batch.SequenceStart[q + 1]; t++)
                places[t] = (batch.SequenceStart[q], t - batch.SequenceStart[q]);
        }
        return places;
    }
}

/// <summary>What a pass gives.</summary>
/// <param name="Loss">Σ weight·(−log p), without the KL term.</param>
/// <param name="Kl">Σ KL.</param>
/// <param name="LogProbabilities">log p(target) per row.</param>
/// <param name="Logits">Rows × vocabulary.</param>
/// <param name="LogitGradient">d(Loss + λ·Kl)/dLogits.</param>
internal sealed record ReferenceResult(double Loss, double Kl, double[] LogProbabilities, double[] Logits, double[] LogitGradient);
