using System.Globalization;

namespace T2.Gguf.Experts;

public sealed partial class Expert
{
    /// <summary>Key of <see cref="Extra"/> that records a mixture with shares of its own for each weight: <c>blk.0.ffn_up.weight:math=0.7,code=0.3;…</c>.</summary>
    public const string MixPerWeightKey = "t2.svf.mix_per_weight";

    /// <summary>
    /// Mixes experts with shares of their own for each weight: z_w = 1 + Σₖ α_kw·(z_kw − 1). Where one expert has all of a weight, its vector is taken bit for bit.
    /// </summary>
    /// <param name="experts">At least one expert, all of the same base.</param>
    /// <param name="shares">Weight name → αₖ in the order of <paramref name="experts"/>; weights without shares, and those whose shares are all zero, stay the base's.</param>
    /// <param name="name">Name of the mixture.</param>
    /// <exception cref="ArgumentException">No experts, a share not finite or missing, all zero, or experts that do not go together.</exception>
    public static Expert MixPerWeight(IReadOnlyList<Expert> experts, IReadOnlyDictionary<string, float[]> shares, string name)
    {
        ArgumentNullException.ThrowIfNull(experts);
        ArgumentNullException.ThrowIfNull(shares);
        if (experts.Count == 0)
            throw new ArgumentException("A mixture needs at least one expert.", nameof(experts));
        var vectors = new OrderedDictionary<string, ReadOnlyMemory<float>>();
        var recipe = new List<string>();
        foreach (var (weightName, weights) in shares)
        {
            if (weights.Length != experts.Count)
                throw new ArgumentException($"\"{weightName}\" has {weights.Length} shares for {experts.Count} experts.", nameof(shares));
            var parts = experts.Zip(weights).ToArray();
            foreach (var (expert, weight) in parts)
                CheckPart(experts[0], expert, weight);
            var active = parts.Where(part => part.Second != 0 && part.First.Vectors.ContainsKey(weightName)).ToArray();
            if (active.Length == 0)
                continue;
            vectors.Add(weightName, active is [{ Second: 1 } only] ? only.First.Vectors[weightName] : MixVector(active, weightName));
            recipe.Add($"{weightName}:{string.Join(',', parts.Select(static part => string.Create(CultureInfo.InvariantCulture, $"{part.First.Name}={part.Second}")))}");
        }
        if (vectors.Count == 0)
            throw new ArgumentException("All shares of the mixture are zero; that is the base model.", nameof(shares));
        string names = string.Join(", ", experts.Select(static expert => expert.Name));
        return new Expert(
            name, experts[0].Architecture, experts[0].BaseFingerprint, vectors, $"Mixture of {names}, weight by weight", extra: [new(MixPerWeightKey, string.Join(';', recipe))]);
    }
}
