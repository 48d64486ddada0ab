using System.Runtime.InteropServices;

namespace T2.Training;

/// <summary>
/// Adam with decoupled weight decay (Loshchilov and Hutter 2019, algorithm 2): m ← β₁m + (1−β₁)g, v ← β₂v + (1−β₂)g²,
/// θ ← θ − η·(m̂/(√v̂ + ε) + λθ), with m̂ = m/(1−β₁ᵗ) and v̂ = v/(1−β₂ᵗ).
/// </summary>
public sealed class AdamW
{
    private const int StateMagic = 0x57413254; // "T2AW"

    private readonly TrainableParameters _parameters;
    private readonly AdamWOptions _options;
    private readonly float[][] _first;
    private readonly float[][] _second;

    /// <summary>An optimiser of <paramref name="parameters"/>, with moments of 0.</summary>
    public AdamW(TrainableParameters parameters, AdamWOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        _parameters = parameters;
        _options = options ?? new AdamWOptions();
        _first = [.. parameters.Tensors.Select(static tensor => new float[tensor.Values.Length])];
        _second = [.. parameters.Tensors.Select(static tensor => new float[tensor.Values.Length])];
    }

    /// <summary>Steps taken: t of the bias corrections.</summary>
    public long StepCount { get; set; }

    /// <summary>m of each tensor, readable and writable.</summary>
    public IReadOnlyList<float[]> First => _first;

    /// <summary>v of each tensor, readable and writable.</summary>
    public IReadOnlyList<float[]> Second => _second;

    /// <summary>Norm of the whole gradient, Σg² in fp64.</summary>
    public double GradientNorm()
    {
        var sum = 0.0;
        foreach (var tensor in _parameters.Tensors)
        {
            var part = 0.0;
            foreach (var g in tensor.Gradient)
                part += (double)g * g;
            sum += part;
        }
        return Math.Sqrt(sum);
    }

    /// <summary>Changes the values by one step; the gradients stay as they are.</summary>
    /// <param name="learningRate">η of this step.</param>
    /// <param name="clipNorm">The whole gradient is scaled down to this norm if it is longer; null for no limit.</param>
    /// <returns>The gradient's norm before clipping.</returns>
    /// <exception cref="TrainingException">The gradient is not finite; nothing has been changed.</exception>
    public double Step(double learningRate, double? clipNorm = null)
    {
        var norm = GradientNorm();
        if (!double.IsFinite(norm))
        {
            var bad = _parameters.Tensors.First(static tensor => tensor.Gradient.Any(static g => !float.IsFinite(g)) || !float.IsFinite(tensor.Gradient.Sum(static g => g * g)));
            throw new TrainingException($"The gradient of {bad.Name} is not finite at step {StepCount + 1}; nothing was changed. Lower the learning rate, or check the data.");
        }
        StepCount++;
        var scale = (float)(clipNorm is { } limit && norm > limit ? limit / norm : 1);
        var rate = (float)(learningRate / (1 - Math.Pow(_options.Beta1, StepCount)));
        var rootCorrection = (float)(1 / Math.Sqrt(1 - Math.Pow(_options.Beta2, StepCount)));
        Parallel.For(0, _parameters.Tensors.Count, at =>
        {
            var tensor = _parameters.Tensors[at];
            var decay = tensor.Rows > 1 || _options.DecayVectors ? (float)(1 - learningRate * _options.WeightDecay) : 1;
            Update(tensor.Values, tensor.Gradient, _first[at], _second[at], scale, rate, rootCorrection, decay);
        });
        return norm;
    }

    /// <summary>Writes the moments and the step count.</summary>
    public void Save(Stream stream)
    {
        using var writer = new BinaryWriter(stream, System.Text.Encoding.UTF8, leaveOpen: true);
        writer.Write(StateMagic);
        writer.Write(StepCount);
        writer.Write(_first.Length);
        for (var i = 0; i < _first.Length; i++)
        {
            writer.Write(_first[i].Length);
            writer.Write(MemoryMarshal.AsBytes(_first[i].AsSpan()));
            writer.Write(MemoryMarshal.AsBytes(_second[i].AsSpan()));
        }
    }

    /// <summary>Reads what <see cref="Save"/> wrote; the next steps are then exactly those the saved optimiser would have taken.</summary>
    /// <exception cref="TrainingException">The state is of other parameters, or not a state at all.</exception>
    public void Load(Stream stream)
    {
        using var reader = new BinaryReader(stream, System.Text.Encoding.UTF8, leaveOpen: true);
        try
        {
            if (reader.ReadInt32() != StateMagic)
                throw new TrainingException("This is not the state of an optimiser.");
            var steps = reader.ReadInt64();
            var count = reader.ReadInt32();
            if (count != _first.Length)
                throw new TrainingException($"The optimiser's state is of {count} tensors, the parameters have {_first.Length}.");
            for (var i = 0; i < count; i++)
            {
                var length = reader.ReadInt32();
                if (length != _first[i].Length)
                    throw new TrainingException($"The optimiser's state has {length} values for {_parameters.Tensors[i].Name}, which has {_first[i].Length}.");
                stream.ReadExactly(MemoryMarshal.AsBytes(_first[i].AsSpan()));
                stream.ReadExactly(MemoryMarshal.AsBytes(_second[i].AsSpan()));
            }
            StepCount = steps;
        }
        catch (EndOfStreamException e)
        {
            throw new TrainingException("The optimiser's state is cut off.", e);
        }
    }

    private void Update(float[] values, float[] gradient, float[] first, float[] second, float scale, float rate, float rootCorrection, float decay)
    {
        var (beta1, beta2, epsilon) = ((float)_options.Beta1, (float)_options.Beta2, (float)_options.Epsilon);
        for (var i = 0; i < values.Length; i++)
        {
            var g = gradient[i] * scale;
            first[i] = beta1 * first[i] + (1 - beta1) * g;
            second[i] = beta2 * second[i] + (1 - beta2) * g * g;
            values[i] = values[i] * decay - rate * first[i] / (MathF.Sqrt(second[i]) * rootCorrection + epsilon);
        }
    }
}
