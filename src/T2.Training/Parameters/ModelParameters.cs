namespace T2.Training;

/// <summary>Parameters that a <see cref="TrainingEngine"/> knows how to put into a model: each trained weight has an effective matrix W' and takes dLoss/dW'.</summary>
public abstract class ModelParameters : TrainableParameters
{
    private protected ModelParameters(TrainingModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        Model = model;
    }

    /// <summary>The model they belong to.</summary>
    public TrainingModel Model { get; }

    /// <summary>Whether <paramref name="tensor"/> depends on the parameters.</summary>
    internal abstract bool Trains(ModelTensor tensor);

    /// <summary>Where dLoss/dW of a weight that is itself the parameter is added; null where W' is a function of the parameters.</summary>
    internal abstract float[]? DirectGradient(ModelTensor tensor);

    /// <summary>Writes W' of a trained weight.</summary>
    internal abstract void Compose(ModelTensor tensor, Span<float> effective);

    /// <summary>Adds to the parameters' gradients, given dLoss/dW' of a trained weight.</summary>
    internal abstract void AddGradient(ModelTensor tensor, ReadOnlySpan<float> weightGradient);

    /// <summary>Checks names of weights to adapt.</summary>
    private protected static List<ModelTensor> Adaptable(TrainingModel model, IReadOnlyList<string> weights)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(weights);
        if (weights.Count == 0)
            throw new ArgumentException("At least one weight to adapt is needed.", nameof(weights));
        var known = model.AdaptableWeights.ToHashSet(StringComparer.Ordinal);
        foreach (var name in weights)
        {
            if (!known.Remove(name))
                throw new ArgumentException($"\"{name}\" is not a linear weight of the model's blocks, or is named twice.", nameof(weights));
        }
        return [.. weights.Select(name => model[name])];
    }
}
