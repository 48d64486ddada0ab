namespace T2.Training;

/// <summary>Every weight of a model: pre-training. The values are the model's own arrays.</summary>
public sealed class FullParameters : ModelParameters
{
    private readonly Dictionary<string, ParameterTensor> _byName;

    /// <summary>Makes gradients for every weight of <paramref name="model"/>.</summary>
    public FullParameters(TrainingModel model)
        : base(model)
    {
        Tensors = [.. model.Tensors.Select(static tensor => new ParameterTensor(tensor.Name, tensor.Values, new float[tensor.Values.Length], tensor.Rows, tensor.Columns))];
        _byName = Tensors.ToDictionary(static tensor => tensor.Name, StringComparer.Ordinal);
    }

    /// <inheritdoc/>
    public override IReadOnlyList<ParameterTensor> Tensors { get; }

    internal override bool Trains(ModelTensor tensor) => true;

    internal override float[] DirectGradient(ModelTensor tensor) => _byName[tensor.Name].Gradient;

    internal override void Compose(ModelTensor tensor, Span<float> effective) => tensor.Values.CopyTo(effective);

    internal override void AddGradient(ModelTensor tensor, ReadOnlySpan<float> weightGradient)
    {
        var gradient = DirectGradient(tensor);
        for (var i = 0; i < gradient.Length; i++)
            gradient[i] += weightGradient[i];
    }
}
