using System.Globalization;

namespace T2.Gguf.Experts;

public sealed partial class Expert
{
    /// <summary>Key of <see cref="Extra"/> that records what a mixture was made of: <c>math=0.7,code=0.3</c>.</summary>
    public const string MixKey = "t2.svf.mix";

    /// <summary>What this expert was mixed from, the weights that are not zero: empty unless <see cref="Mix"/> made it. Not kept in files.</summary>
    public IReadOnlyList<(Expert Expert, float Weight)> Parts { get; private init; } = [];

    /// <summary>
    /// Mixes experts on their effective vectors: z = 1 + Σₖ αₖ·(zₖ − 1), a vector an expert lacks counting as all ones. For Σα = 1 that is the
    /// paper's Σₖ αₖ·zₖ; for Σα &lt; 1 the rest of the weight is the base's. One expert at α = 1 gives its vectors bit for bit.
    /// </summary>
    /// <param name="parts">At least one expert, with weights αₖ: finite, of any sign. Experts with α = 0 add nothing, not even their vectors of ones.</param>
    /// <param name="name">Name of the mixture.</param>
    /// <returns>A new expert; <see cref="MixKey"/> in its <see cref="Extra"/> names the parts.</returns>
    /// <exception cref="ArgumentException">No parts, a weight not finite, all weights zero, experts of different bases, or of different lengths for one weight.</exception>
    public static Expert Mix(IReadOnlyList<(Expert Expert, float Weight)> parts, string name)
    {
        ArgumentNullException.ThrowIfNull(parts);
        if (parts.Count == 0)
            throw new ArgumentException("A mixture needs at least one expert.", nameof(parts));
        var first = parts[0].Expert;
        foreach (var (expert, weight) in parts)
            CheckPart(first, expert, weight);
        var active = parts.Where(static part => part.Weight != 0).ToArray();
        if (active.Length == 0)
            throw new ArgumentException("All weights of the mixture are zero; that is the base model.", nameof(parts));

        var vectors = new OrderedDictionary<string, ReadOnlyMemory<float>>();
        foreach (var weightName in active.SelectMany(static part => part.Expert.Vectors.Keys))
        {
            if (!vectors.ContainsKey(weightName))
                vectors.Add(weightName, active is [{ Weight: 1 } only] ? only.Expert.Vectors[weightName] : MixVector(active, weightName));
        }
        var recipe = string.Join(',', parts.Select(static part => string.Create(CultureInfo.InvariantCulture, $"{part.Expert.Name}={part.Weight}")));
        return new Expert(name, first.Architecture, first.BaseFingerprint, vectors, $"Mixture: {recipe}", extra: [new(MixKey, recipe)]) { Parts = active };
    }

    private static void CheckPart(Expert first, Expert expert, float weight)
    {
        if (!float.IsFinite(weight))
            throw new ArgumentException($"The weight {weight} of expert \"{expert.Name}\" is not finite.", nameof(weight));
        if (expert.Architecture != first.Architecture)
            throw new ArgumentException($"Experts \"{first.Name}\" ({first.Architecture}) and \"{expert.Name}\" ({expert.Architecture}) are of different architectures.", nameof(expert));
        if (expert.BaseFingerprint != first.BaseFingerprint)
            throw new ArgumentException($"Experts \"{first.Name}\" ({first.BaseFingerprint}) and \"{expert.Name}\" ({expert.BaseFingerprint}) are of different base weights.", nameof(expert));
    }

    /// <summary>(1 − Σα) + Σ αₖ·zₖ in fp64: the same as 1 + Σ αₖ·(zₖ − 1), and without its rounding of small zₖ − 1.</summary>
    private static float[] MixVector((Expert Expert, float Weight)[] parts, string weightName)
    {
        var owner = parts.First(part => part.Expert.Vectors.ContainsKey(weightName)).Expert;
        var mixed = new double[owner.Vectors[weightName].Length];
        var rest = 1.0;
        foreach (var (expert, weight) in parts)
        {
            if (!expert.Vectors.TryGetValue(weightName, out var z))
                continue;
            if (z.Length != mixed.Length)
                throw new ArgumentException($"\"{weightName}\" has {mixed.Length} values in expert \"{owner.Name}\" and {z.Length} in \"{expert.Name}\".");
            rest -= weight;
            var values = z.Span;
            for (var i = 0; i < mixed.Length; i++)
                mixed[i] += (double)weight * values[i];
        }
        return Array.ConvertAll(mixed, value => (float)(value + rest));
    }
}
