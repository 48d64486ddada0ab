using System.Text.RegularExpressions;
using T2.Gguf;

namespace T2.Kernels;

/// <summary>Which tensors of a model T2 adapts: the linear weights of its blocks.</summary>
public static partial class BlockWeights
{
    /// <summary>The adaptable weights of a model, in file order.</summary>
    public static IReadOnlyList<GgufTensor> List(GgufFile model)
    {
        ArgumentNullException.ThrowIfNull(model);
        return [.. model.Tensors.Where(static tensor => Classify(tensor).IsAdaptable)];
    }

    /// <summary>What a tensor is to T2.</summary>
    public static TensorRole Classify(GgufTensor tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        if (LinearWeight().IsMatch(tensor.Name))
        {
            return Obstacle(tensor) is { } obstacle
                ? new TensorRole(false, obstacle)
                : new TensorRole(true, "linear weight of a block");
        }
        return new TensorRole(false, tensor.Name switch
        {
            var name when name.EndsWith(".bias", StringComparison.Ordinal) => "bias",
            var name when name.Contains("norm", StringComparison.Ordinal) => "norm",
            var name when name.Contains("_exps.", StringComparison.Ordinal) => $"expert tensor of {tensor.Dimensions.Count} dimensions",
            var name when name.Contains("gate_inp", StringComparison.Ordinal) => "router of a mixture of experts",
            var name when name.Contains("embd", StringComparison.Ordinal) || name.Contains("_types.", StringComparison.Ordinal) => "embedding",
            "output.weight" => "output head",
            _ => "not a linear weight that T2 knows",
        });
    }

    /// <summary>The weight's shape as a matrix.</summary>
    /// <exception cref="ArgumentException">It is not an adaptable weight; the message names it and says why.</exception>
    public static MatrixShape ShapeOf(GgufTensor tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        return Obstacle(tensor) is { } obstacle
            ? throw new ArgumentException($"Tensor {tensor.Name} cannot be adapted: {obstacle}.", nameof(tensor))
            : new MatrixShape((int)tensor.Dimensions[1], (int)tensor.Dimensions[0]);
    }

    private static string? Obstacle(GgufTensor tensor)
    {
        if (tensor.Dimensions.Count != 2)
            return $"it has {tensor.Dimensions.Count} dimensions, not 2";
        if (!TensorTypes.TryGetInfo(tensor.Type, out var info) || !info.CanRebuild)
            return $"type {tensor.Type} cannot be requantised";
        if (tensor.ElementCount > Array.MaxLength || Math.Min(tensor.Dimensions[0], tensor.Dimensions[1]) > FactorFile.MaxRank)
            return $"{tensor.Dimensions[1]}×{tensor.Dimensions[0]} is too large";
        return null;
    }

    [GeneratedRegex(@"^blk\.\d+\.(attn_q|attn_k|attn_v|attn_output|attn_qkv|ffn_gate|ffn_up|ffn_down)\.weight\z", RegexOptions.CultureInvariant)]
    private static partial Regex LinearWeight();
}
