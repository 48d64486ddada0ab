namespace T2.Gguf.Experts;

public sealed partial class Expert
{
    /// <summary>Says what keeps this expert from being used with a model: nothing if the list is empty.</summary>
    /// <param name="model">The model.</param>
    /// <param name="fingerprint">The model's <see cref="WeightFingerprint"/>, which takes too long to compute here unasked.</param>
    /// <returns>
    /// One sentence per problem: another architecture or other weights than the expert was made for, and for each vector a weight that is absent,
    /// not a matrix, of a type that cannot be requantised, or of another rank than the vector is long.
    /// </returns>
    public IReadOnlyList<string> FindMismatches(GgufFile model, string fingerprint)
    {
        ArgumentNullException.ThrowIfNull(model);
        var problems = new List<string>();
        if (model.Architecture != Architecture)
            problems.Add($"Expert \"{Name}\" is for architecture {Architecture}; {model.Path} is {model.Architecture ?? "of none"}.");
        if (fingerprint != BaseFingerprint)
            problems.Add($"Expert \"{Name}\" was made for the weights {BaseFingerprint}; {model.Path} has {fingerprint}.");
        foreach (var (weight, z) in Vectors)
        {
            if (VectorMismatch(model, weight, z.Length) is { } problem)
                problems.Add(problem);
        }
        return problems;
    }

    private static string? VectorMismatch(GgufFile model, string weight, int length)
    {
        if (!model.TryGetTensor(weight, out var tensor))
            return $"The model has no weight \"{weight}\".";
        if (tensor.Dimensions.Count != 2)
            return $"\"{weight}\" has {tensor.Dimensions.Count} dimensions; only matrices can be adapted.";
        if (!TensorTypes.Info(tensor.Type).CanRebuild)
            return $"\"{weight}\" is {tensor.Type}, a type T2 cannot requantise.";
        var rank = Math.Min(tensor.Dimensions[0], tensor.Dimensions[1]);
        return rank == length ? null : $"The vector of \"{weight}\" has {length} values; a {tensor.Dimensions[1]}×{tensor.Dimensions[0]} matrix has {rank} singular values.";
    }
}
