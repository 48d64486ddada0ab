using T2.Gguf;
using T2.Gguf.Quantization;
using T2.Kernels;

namespace T2.Training;

/// <summary>
/// A decoder with its weights in fp32, for training: RMSNorm, rotary grouped-query attention, SwiGLU (<c>llama</c>, <c>qwen2</c>). Training of z or LoRA
/// never writes these weights; only <see cref="FullParameters"/> does.
/// </summary>
public sealed partial class TrainingModel
{
    private readonly Dictionary<string, ModelTensor> _byName;

    private TrainingModel(ModelShape shape, IReadOnlyList<ModelTensor> tensors, float[]? ropeFactors, string? fingerprint)
    {
        Shape = shape;
        Tensors = tensors;
        RopeFactors = ropeFactors;
        Fingerprint = fingerprint;
        _byName = tensors.ToDictionary(static tensor => tensor.Name, StringComparer.Ordinal);
        Layers = [.. Enumerable.Range(0, shape.Layers).Select(LayerOf)];
        AdaptableWeights = [.. tensors.Where(static tensor => tensor.Name.StartsWith("blk.", StringComparison.Ordinal) && !tensor.IsVector).Select(static tensor => tensor.Name)];
    }

    /// <summary>Dimensions and constants.</summary>
    public ModelShape Shape { get; }

    /// <summary>Every weight, in the order they are written.</summary>
    public IReadOnlyList<ModelTensor> Tensors { get; }

    /// <summary>Names of the weights that z or LoRA can adapt: the linear weights of the blocks (as <see cref="BlockWeights.List"/>, in the order of <see cref="Tensors"/>).</summary>
    public IReadOnlyList<string> AdaptableWeights { get; }

    /// <summary><see cref="WeightFingerprint"/> of the file the weights came from; null for a model that did not come from a file.</summary>
    public string? Fingerprint { get; }

    /// <summary>Number of weights.</summary>
    public long ParameterCount => Tensors.Sum(static tensor => tensor.Values.LongLength);

    internal IReadOnlyList<LayerWeights> Layers { get; }

    /// <summary>What each rotary frequency is divided by (<c>rope_freqs.weight</c>); null for 1.</summary>
    internal float[]? RopeFactors { get; }

    internal ModelTensor TokenEmbedding => this[TensorLayout.TokenEmbedding];

    internal ModelTensor OutputNorm => this[TensorLayout.OutputNorm];

    /// <summary>The output matrix: its own, or the token embedding.</summary>
    internal ModelTensor Head => Shape.TiedEmbeddings ? TokenEmbedding : this[TensorLayout.Output];

    /// <summary>A weight by its name in the GGUF file.</summary>
    /// <exception cref="ArgumentException">The model has no such weight.</exception>
    public ModelTensor this[string name] =>
        _byName.TryGetValue(name, out var tensor) ? tensor : throw new ArgumentException($"The model has no weight \"{name}\".", nameof(name));

    /// <summary>Reads a model; any type T2 can dequantise becomes fp32.</summary>
    /// <exception cref="GgufException">The architecture, a tensor or a rotary scaling is not one that can be trained; the message names it.</exception>
    public static TrainingModel Load(GgufFile file)
    {
        ArgumentNullException.ThrowIfNull(file);
        var shape = ShapeReader.Read(file);
        var expected = TensorLayout.Of(shape).ToList();
        var known = expected.Select(static tensor => tensor.Name).Append(ShapeReader.RopeFactors).ToHashSet(StringComparer.Ordinal);
        if (file.Tensors.FirstOrDefault(tensor => !known.Contains(tensor.Name)) is { } unknown)
            throw new GgufException($"tensor {unknown.Name} has no place in a {shape.Architecture} model as T2 trains it.", file.Path);
        var tensors = expected.Select(tensor => new ModelTensor(
            tensor.Name, Dequantise(file, tensor.Name, tensor.Rows, tensor.Columns), tensor.Rows ?? 1, tensor.Columns, tensor.Rows is null)).ToList();
        var ropeFactors = file.TryGetTensor(ShapeReader.RopeFactors, out _) ? Dequantise(file, ShapeReader.RopeFactors, null, shape.RopeDimensions / 2) : null;
        return new TrainingModel(shape, tensors, ropeFactors, WeightFingerprint.Compute(file));
    }

    /// <summary>
    /// Makes a model with random weights: matrices and embedding normal with deviation 0.02, those that write to the residual stream (attn_output, ffn_down)
    /// smaller by √(2·layers), norms 1, biases 0. Every tensor has numbers of its own, from the seed and its name.
    /// </summary>
    /// <exception cref="ArgumentException">The shape is impossible.</exception>
    public static TrainingModel CreateRandom(ModelShape shape, ulong seed)
    {
        ArgumentNullException.ThrowIfNull(shape);
        shape.Validate();
        return new TrainingModel(shape, [.. TensorLayout.Of(shape).Select(tensor => RandomTensor(shape, tensor.Name, tensor.Rows, tensor.Columns, seed))], null, null);
    }

    /// <summary>Whether the model has a weight of that name.</summary>
    public bool Has(string name) => _byName.ContainsKey(name);

    private static ModelTensor RandomTensor(ModelShape shape, string name, int? rows, int columns, ulong seed)
    {
        var values = new float[(rows ?? 1) * columns];
        if (rows is null)
        {
            if (name.EndsWith("norm.weight", StringComparison.Ordinal))
                values.AsSpan().Fill(1);
            return new ModelTensor(name, values, 1, columns, IsVector: true);
        }
        var writesResidual = name.EndsWith("attn_output.weight", StringComparison.Ordinal) || name.EndsWith("ffn_down.weight", StringComparison.Ordinal);
        var deviation = 0.02 / (writesResidual ? Math.Sqrt(2.0 * shape.Layers) : 1);
        var random = new SplitMix(seed);
        random = new SplitMix(name.Aggregate(random.Next(), static (hash, letter) => (hash ^ letter) * 0x100000001B3));
        foreach (ref var value in values.AsSpan())
            value = (float)(random.NextGaussian() * deviation);
        return new ModelTensor(name, values, rows.Value, columns, IsVector: false);
    }

    private static float[] Dequantise(GgufFile file, string name, int? rows, int columns)
    {
        if (!file.TryGetTensor(name, out var tensor))
            throw new GgufException($"tensor {name} is missing.", file.Path);
        long[] wanted = rows is { } count ? [columns, count] : [columns];
        if (!tensor.Dimensions.SequenceEqual(wanted))
            throw new GgufException($"tensor {name} has dimensions [{string.Join(", ", tensor.Dimensions)}], the metadata say [{string.Join(", ", wanted)}].", file.Path);
        if (!Quantizer.CanQuantize(tensor.Type))
            throw new GgufException($"tensor {name} has type {tensor.Type}, which T2 cannot dequantise.", file.Path);
        if (tensor.ElementCount > Array.MaxLength)
            throw new GgufException($"tensor {name} has {tensor.ElementCount} values, more than an array can.", file.Path);
        var values = new float[tensor.ElementCount];
        Quantizer.Dequantize(tensor.Type, file.GetData(tensor), values);
        var bad = values.AsSpan().IndexOfAnyNonFinite();
        return bad < 0 ? values : throw new GgufException($"tensor {name} holds {values[bad]} at position {bad}.", file.Path);
    }

    private LayerWeights LayerOf(int layer)
    {
        ModelTensor Get(string name) => this[TensorLayout.InBlock(layer, name)];
        ModelTensor? Bias(string name) => Shape.QkvBias ? Get(name) : null;
        return new LayerWeights(
            Get("attn_norm.weight"), Get("attn_q.weight"), Get("attn_k.weight"), Get("attn_v.weight"), Bias("attn_q.bias"), Bias("attn_k.bias"), Bias("attn_v.bias"),
            Get("attn_output.weight"), Get("ffn_norm.weight"), Get("ffn_gate.weight"), Get("ffn_up.weight"), Get("ffn_down.weight"));
    }
}
