using System.Globalization;
using System.Text.RegularExpressions;

namespace T2.Gguf.Experts;

/// <summary>
/// Experts of the PyTorch reference (SakanaAI/self-adaptive-llms), which stores raw logits p. It applies them as
/// W' = U·diag(σ⊙mask)·Vᵀ·(Σσ / Σ(σ⊙mask)) with mask = bf16(sigmoid(p))·max_mult, so the effective vector is
/// z = mask·Σσ / Σ(σ⊙mask), whatever the scale of the mask.
/// </summary>
public static partial class ReferenceExpert
{
    private const string ListPrefix = "learnable_params_module_list.";

    private static readonly string[] s_mlpOrder = ["gate", "up", "down"];

    /// <summary>The GGUF name of a weight by its Hugging Face name: <c>model.layers.3.mlp.gate_proj.weight</c> → <c>blk.3.ffn_gate.weight</c>. Null for names that are no linear weight of a block.</summary>
    public static string? ToGgufName(string huggingFaceName)
    {
        var match = WeightName().Match(huggingFaceName);
        return !match.Success
            ? null
            : $"blk.{match.Groups["layer"].Value}." + match.Groups["matrix"].Value switch
            {
                "mlp.gate" => "ffn_gate.weight",
                "mlp.up" => "ffn_up.weight",
                "mlp.down" => "ffn_down.weight",
                "self_attn.q" => "attn_q.weight",
                "self_attn.k" => "attn_k.weight",
                "self_attn.v" => "attn_v.weight",
                _ => "attn_output.weight",
            };
    }

    /// <summary>Finds which weight each tensor of a checkpoint belongs to.</summary>
    /// <param name="checkpoint">
    /// Either of the reference's layouts: a dict by Hugging Face name (<c>learnable_params.pt</c>), or the policy's state_dict with keys
    /// <c>learnable_params_module_list.N</c> (<c>policy_params.pt</c>), where N counts the weights with "mlp" in their name in the model's own order.
    /// </param>
    /// <param name="listOrder">Hugging Face names by N, for the second layout. Null: gate, up, down of layer 0, then of layer 1, …, as in Llama, Mistral and Qwen2.</param>
    /// <returns>GGUF weight names with their logits, in the order of the checkpoint.</returns>
    /// <exception cref="GgufException">A key is unknown, a tensor is not one-dimensional, or two keys mean one weight.</exception>
    public static IReadOnlyList<(string Weight, TorchTensor Logits)> MatchWeights(TorchCheckpoint checkpoint, IReadOnlyList<string>? listOrder = null)
    {
        ArgumentNullException.ThrowIfNull(checkpoint);
        if (checkpoint.Tensors.Count == 0)
            throw new GgufException("the checkpoint is empty.", checkpoint.Path);
        if (listOrder is null && checkpoint.Tensors.Count(static tensor => tensor.Name.StartsWith(ListPrefix, StringComparison.Ordinal)) % s_mlpOrder.Length != 0)
            throw new GgufException("the parameter list does not have three entries (gate, up, down) per layer; give the order of the weights.", checkpoint.Path);
        var matched = new OrderedDictionary<string, TorchTensor>();
        foreach (var tensor in checkpoint.Tensors)
        {
            var name = ListedName(checkpoint, tensor.Name, listOrder) ?? tensor.Name;
            var weight = ToGgufName(name)
                ?? throw new GgufException($"\"{name}\" is not a weight an expert can adapt; expected model.layers.N.(mlp|self_attn).*_proj.weight or {ListPrefix}N.", checkpoint.Path);
            if (tensor.Shape.Count != 1)
                throw new GgufException($"\"{tensor.Name}\" has {tensor.Shape.Count} dimensions; logits have one.", checkpoint.Path);
            if (!matched.TryAdd(weight, tensor))
                throw new GgufException($"\"{tensor.Name}\" is a second vector for {weight}.", checkpoint.Path);
        }
        return [.. matched.Select(static pair => (pair.Key, pair.Value))];
    }

    /// <summary>Converts a checkpoint of the reference to an expert.</summary>
    /// <param name="checkpoint">The checkpoint, in either layout (see <see cref="MatchWeights"/>).</param>
    /// <param name="name">Name of the expert.</param>
    /// <param name="architecture">Architecture of the base.</param>
    /// <param name="baseFingerprint">Fingerprint of the base.</param>
    /// <param name="singularValues">Gives σ of a weight by its GGUF name: r values, descending, not all zero. The base's own; the reference rounds its copy to bf16.</param>
    /// <param name="maxMult">The reference's <c>max_mult</c>, 1 unless its configuration was changed.</param>
    /// <param name="listOrder">See <see cref="MatchWeights"/>.</param>
    /// <exception cref="GgufException">The checkpoint does not fit: unknown names, wrong lengths, logits that are not finite. The message names the tensor.</exception>
    public static Expert Convert(
        TorchCheckpoint checkpoint,
        string name,
        string architecture,
        string baseFingerprint,
        Func<string, ReadOnlyMemory<double>> singularValues,
        float maxMult = 1,
        IReadOnlyList<string>? listOrder = null)
    {
        ArgumentNullException.ThrowIfNull(singularValues);
        var vectors = new OrderedDictionary<string, ReadOnlyMemory<float>>();
        foreach (var (weight, logits) in MatchWeights(checkpoint, listOrder))
        {
            var sigma = singularValues(weight).Span;
            if (logits.Values.Length != sigma.Length)
                throw new GgufException($"\"{logits.Name}\" has {logits.Values.Length} logits, but {weight} has {sigma.Length} singular values.", checkpoint.Path);
            float[] z;
            try
            {
                z = EffectiveVector(logits.Values.Span, logits.Type, sigma, maxMult);
            }
            catch (ArgumentException e)
            {
                throw new GgufException($"\"{logits.Name}\": {e.Message}", checkpoint.Path, null, e);
            }
            if (ExpertFormat.VectorProblem(weight, z) is { } problem)
                throw new GgufException($"\"{logits.Name}\": {problem}", checkpoint.Path);
            vectors.Add(weight, z);
        }
        return new Expert(
            name,
            architecture,
            baseFingerprint,
            vectors,
            description: "Converted from a checkpoint of the PyTorch reference.",
            extra: [new("t2.svf.source", System.IO.Path.GetFileName(checkpoint.Path)), new("t2.svf.source_max_mult", maxMult.ToString(CultureInfo.InvariantCulture))]);
    }

    /// <summary>
    /// z_i = mask_i·Σσ / Σ(σ⊙mask), mask = bf16(bf16(sigmoid(p))·max_mult), sums in fp64. As in the reference the sigmoid is rounded to the
    /// logits' own type first. Keeps the nuclear norm: Σ(σ⊙z) = Σσ.
    /// </summary>
    /// <param name="logits">p, one per singular value.</param>
    /// <param name="type">Type the logits were stored in: F32, F16, BF16 or F64.</param>
    /// <param name="singularValues">σ, as many, not negative.</param>
    /// <param name="maxMult">The reference's <c>max_mult</c>, multiplied in fp32 as PyTorch does on a GPU.</param>
    /// <exception cref="ArgumentException">Lengths differ, a logit is not finite, or Σ(σ⊙mask) is not a positive number.</exception>
    public static float[] EffectiveVector(ReadOnlySpan<float> logits, TensorType type, ReadOnlySpan<double> singularValues, float maxMult = 1)
    {
        if (logits.Length != singularValues.Length)
            throw new ArgumentException($"{logits.Length} logits for {singularValues.Length} singular values.", nameof(logits));
        var mask = new float[logits.Length];
        double sum = 0, maskedSum = 0;
        for (var i = 0; i < mask.Length; i++)
        {
            if (!float.IsFinite(logits[i]))
                throw new ArgumentException($"Logit {i} is {logits[i]}.", nameof(logits));
            mask[i] = ToBFloat16(ToBFloat16(Sigmoid(logits[i], type)) * maxMult);
            sum += singularValues[i];
            maskedSum += singularValues[i] * mask[i];
        }
        if (!(maskedSum > 0) || !double.IsFinite(sum))
            throw new ArgumentException($"The masked singular values sum to {maskedSum}; a positive number is needed.", nameof(singularValues));
        var scale = sum / maskedSum;
        return Array.ConvertAll(mask, value => (float)(value * scale));
    }

    private static string? ListedName(TorchCheckpoint checkpoint, string key, IReadOnlyList<string>? listOrder)
    {
        if (!key.StartsWith(ListPrefix, StringComparison.Ordinal))
            return null;
        if (!int.TryParse(key.AsSpan(ListPrefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var index))
            throw new GgufException($"\"{key}\" does not end in a number.", checkpoint.Path);
        if (listOrder is null)
            return $"model.layers.{index / s_mlpOrder.Length}.mlp.{s_mlpOrder[index % s_mlpOrder.Length]}_proj.weight";
        return index < listOrder.Count
            ? listOrder[index]
            : throw new GgufException($"\"{key}\" is beyond the {listOrder.Count} weights of the order given.", checkpoint.Path);
    }

    private static float Sigmoid(float logit, TensorType type)
    {
        var value = (float)(1 / (1 + Math.Exp(-(double)logit)));
        return type == TensorType.F16 ? (float)(Half)value : value;
    }

    /// <summary>Rounds to the nearest bf16, ties to even. For finite values only.</summary>
    private static float ToBFloat16(float value)
    {
        var bits = BitConverter.SingleToUInt32Bits(value);
        return BitConverter.UInt32BitsToSingle((bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000);
    }

    [GeneratedRegex(@"^model\.layers\.(?<layer>0|[1-9][0-9]{0,4})\.(?<matrix>mlp\.(gate|up|down)|self_attn\.[qkvo])_proj\.weight\z", RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant)]
    private static partial Regex WeightName();
}
