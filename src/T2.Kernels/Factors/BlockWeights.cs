using T2.Gguf;

namespace T2.Kernels;

/// <summary>Which tensors of a model T2 adapts: the linear weights of its blocks.</summary>
public static class BlockWeights
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
        if (IsLinearWeight(tensor.Name))
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

    /// <summary>Whether a name is <c>blk.N.ROLE.weight</c>. By hand: regular expressions would be loaded for this alone.</summary>
    private static bool IsLinearWeight(ReadOnlySpan<char> name)
    {
        const string Prefix = "blk.", Suffix = ".weight";
        if (name.Length <= Prefix.Length + Suffix.Length || !name.StartsWith(Prefix, StringComparison.Ordinal) || !name.EndsWith(Suffix, StringComparison.Ordinal))
            return false;
        name = name[Prefix.Length..^Suffix.Length];
        int dot = name.IndexOf('.');
        return dot > 0
            && !name[..dot].ContainsAnyExceptInRange('0', '9')
            && name[(dot + 1)..] is "attn_q" or "attn_k" or "attn_v" or "attn_output" or "attn_qkv" or "ffn_gate" or "ffn_up" or "ffn_down";
    }
}
