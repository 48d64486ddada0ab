namespace T2.Training;

/// <summary>What an optimiser changes: groups of values with their gradients. Can be derived from, to train a function of other parameters.</summary>
public abstract class TrainableParameters
{
    /// <summary>The groups, in a fixed order.</summary>
    public abstract IReadOnlyList<ParameterTensor> Tensors { get; }

    /// <summary>Number of trained values.</summary>
    public long Count => Tensors.Sum(static tensor => tensor.Values.LongLength);

    /// <summary>Sets every gradient to 0.</summary>
    public void ZeroGradient()
    {
        foreach (var tensor in Tensors)
            Array.Clear(tensor.Gradient);
    }
}
