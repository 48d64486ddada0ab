using T2.Gguf.Experts;
using T2.Runtime;

namespace T2.Training;

/// <summary>
/// What a run trains, in its three shapes: the numbers the optimiser moves, the numbers the engine differentiates by, and what the runtime samples with.
/// </summary>
internal abstract class TrainedAdapter : IDisposable
{
    /// <summary>What the engine computes with and collects gradients in.</summary>
    internal abstract ModelParameters Engine { get; }

    /// <summary>What the optimiser moves.</summary>
    internal abstract TrainableParameters Optimised { get; }

    /// <summary>Numbers the adapter has: what its file stores, in fp32.</summary>
    internal long ParameterCount => Engine.Count;

    /// <summary>Carries the engine's gradient over to the optimised numbers.</summary>
    internal virtual void GatherGradient()
    {
    }

    /// <summary>Carries the optimised numbers over to the engine's.</summary>
    internal virtual void ApplyValues()
    {
    }

    /// <summary>What keeps the engine's numbers from being used, in words; null = nothing.</summary>
    internal string? Problem()
    {
        foreach (var tensor in Engine.Tensors)
        {
            // Written so that NaN fails it too.
            int bad = Array.FindIndex(tensor.Values, static value => !(MathF.Abs(value) <= Expert.MaxMagnitude));
            if (bad >= 0)
                return FormattableString.Invariant($"value {bad} of {tensor.Name} to {tensor.Values[bad]}");
        }
        return null;
    }

    /// <summary>Makes the generator answer with the adapter as it is now.</summary>
    /// <returns>The expert to generate with; null where the weights stay the base's.</returns>
    internal abstract Expert? Show(BatchGenerator generator);

    /// <summary>Makes the generator answer with the base alone.</summary>
    internal virtual void Hide(BatchGenerator generator)
    {
    }

    /// <summary>Writes the adapter as it is now.</summary>
    internal abstract void Save(string path, AdapterFacts facts);

    public virtual void Dispose()
    {
    }
}
