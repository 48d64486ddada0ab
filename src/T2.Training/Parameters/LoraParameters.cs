using System.Runtime.InteropServices;
using T2.Gguf;
using T2.Kernels;

namespace T2.Training;

/// <summary>LoRA: W' = W + (α/rank)·B·A with A (rank×inputs) uniform and B (outputs×rank) zero at the start, so that W' = W.</summary>
public sealed class LoraParameters : ModelParameters
{
    private readonly Dictionary<string, Pair> _pairs = new(StringComparer.Ordinal);

    /// <param name="model">The model.</param>
    /// <param name="weights">Names of the weights to adapt, of <see cref="TrainingModel.AdaptableWeights"/>; the paper's are every attn_q and attn_v.</param>
    /// <param name="rank">Rank of B·A, ≥ 1 (the paper: 16).</param>
    /// <param name="alpha">α (the paper: 32).</param>
    /// <param name="seed">Decides A: uniform within ±1/√inputs, as PEFT draws it.</param>
    /// <exception cref="ArgumentException">A weight cannot be adapted, or rank or alpha make no sense.</exception>
    public LoraParameters(TrainingModel model, IReadOnlyList<string> weights, int rank, float alpha, ulong seed)
        : base(model)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(rank, 1);
        if (!float.IsFinite(alpha) || alpha == 0)
            throw new ArgumentOutOfRangeException(nameof(alpha), alpha, "Alpha must be finite and not 0.");
        Rank = rank;
        Alpha = alpha;
        var random = new SplitMix(seed);
        var tensors = new List<ParameterTensor>();
        foreach (var weight in Adaptable(model, weights))
        {
            var a = new ParameterTensor(weight.Name + ".lora_a", rank, weight.Columns);
            var b = new ParameterTensor(weight.Name + ".lora_b", weight.Rows, rank);
            var bound = 1 / Math.Sqrt(weight.Columns);
            foreach (ref var value in a.Values.AsSpan())
                value = (float)((random.NextDouble() * 2 - 1) * bound);
            tensors.AddRange([a, b]);
            _pairs.Add(weight.Name, new Pair(a, b));
        }
        Tensors = tensors;
    }

    /// <summary>Rank of B·A.</summary>
    public int Rank { get; }

    /// <summary>α; the product is scaled by α/rank.</summary>
    public float Alpha { get; }

    /// <summary>A and B of each weight: <c>&lt;weight&gt;.lora_a</c>, <c>&lt;weight&gt;.lora_b</c>.</summary>
    public override IReadOnlyList<ParameterTensor> Tensors { get; }

    /// <summary>Writes the adapter as llama.cpp reads it (<c>--lora</c>).</summary>
    /// <param name="path">File to write; replaced if it exists.</param>
    /// <param name="name">Goes to <c>general.name</c>.</param>
    /// <param name="extra">Other metadata, by full key.</param>
    /// <exception cref="IOException">Writing failed.</exception>
    /// <exception cref="UnauthorizedAccessException">The directory may not be written to.</exception>
    public void WriteGguf(string path, string? name = null, IEnumerable<KeyValuePair<string, string>>? extra = null)
    {
        var writer = new GgufWriter();
        writer.SetMetadata("general.architecture", Model.Shape.Architecture);
        writer.SetMetadata("general.type", "adapter");
        writer.SetMetadata("adapter.type", "lora");
        writer.SetMetadata("adapter.lora.alpha", Alpha);
        if (name is not null)
            writer.SetMetadata("general.name", name);
        foreach (var (key, text) in extra ?? [])
            writer.SetMetadata(key, text);
        foreach (var tensor in Tensors)
            writer.AddTensor(tensor.Name, TensorType.F32, [tensor.Columns, tensor.Rows], stream => stream.Write(MemoryMarshal.AsBytes<float>(tensor.Values)));
        writer.WriteTo(path);
    }

    internal override bool Trains(ModelTensor tensor) => _pairs.ContainsKey(tensor.Name);

    internal override float[]? DirectGradient(ModelTensor tensor) => null;

    internal override void Compose(ModelTensor tensor, Span<float> effective)
    {
        var (a, b) = _pairs[tensor.Name];
        tensor.Values.CopyTo(effective);
        Sgemm.Multiply(tensor.Rows, tensor.Columns, Rank, Scaled(b.Values), Rank, false, a.Values, tensor.Columns, false, effective, tensor.Columns, accumulate: true);
    }

    internal override void AddGradient(ModelTensor tensor, ReadOnlySpan<float> weightGradient)
    {
        var (a, b) = _pairs[tensor.Name];
        var (m, n) = (tensor.Rows, tensor.Columns);
        Sgemm.Multiply(m, Rank, n, weightGradient, n, false, Scaled(a.Values), n, true, b.Gradient, Rank, accumulate: true);
        Sgemm.Multiply(Rank, n, m, Scaled(b.Values), Rank, true, weightGradient, n, false, a.Gradient, n, accumulate: true);
    }

    private float[] Scaled(float[] values)
    {
        var scale = Alpha / Rank;
        return [.. values.Select(value => value * scale)];
    }

    private sealed record Pair(ParameterTensor A, ParameterTensor B);
}
