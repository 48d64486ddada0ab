using System.Runtime.InteropServices;
using System.Text;

namespace T2.Gguf.Experts;

/// <summary>How an <see cref="Expert"/> is laid out as a GGUF file.</summary>
internal static class ExpertFormat
{
    public const string TensorSuffix = ".svf_z";

    private const string TypeKey = "general.type";
    private const string ArchitectureKey = "general.architecture";
    private const string NameKey = "general.name";
    private const string DescriptionKey = "general.description";
    private const string AdapterTypeKey = "adapter.type";
    private const string VersionKey = "t2.svf.version";
    private const string BaseFingerprintKey = "t2.svf.base_fingerprint";
    private const string TaskKey = "t2.svf.task";
    private const string TrainingKey = "t2.svf.training";

    private const string Type = "adapter";
    private const string AdapterType = "svf";
    private const uint Version = 1;

    public static bool IsReserved(string key) => key is GgufFormat.AlignmentKey or TypeKey or ArchitectureKey or NameKey or DescriptionKey
        or AdapterTypeKey or VersionKey or BaseFingerprintKey or TaskKey or TrainingKey;

    /// <summary>Why <paramref name="z"/> cannot be the vector of <paramref name="weight"/>, or null if it can.</summary>
    public static string? VectorProblem(string weight, ReadOnlySpan<float> z)
    {
        if (GgufFormat.NameProblem(Encoding.UTF8.GetBytes(weight + TensorSuffix)) is { } nameProblem)
            return $"The tensor name \"{weight}{TensorSuffix}\" {nameProblem}.";
        if (weight.Length == 0)
            return "A vector belongs to a weight without a name.";
        if (z.IsEmpty)
            return $"The vector of \"{weight}\" is empty.";
        for (var i = 0; i < z.Length; i++)
        {
            // Written so that NaN fails it too.
            if (!(MathF.Abs(z[i]) <= Expert.MaxMagnitude))
                return $"The vector of \"{weight}\" holds {z[i]} at index {i}; values must be finite and within ±{Expert.MaxMagnitude}.";
        }
        return z.IndexOfAnyExcept(0f) < 0
            ? $"The vector of \"{weight}\" is all zeros, which would erase the weight."
            : null;
    }

    public static IEnumerable<(string Key, GgufValue Value)> Metadata(Expert expert)
    {
        yield return (TypeKey, Type);
        yield return (ArchitectureKey, expert.Architecture);
        yield return (NameKey, expert.Name);
        if (expert.Description is not null)
            yield return (DescriptionKey, expert.Description);
        yield return (AdapterTypeKey, AdapterType);
        yield return (VersionKey, Version);
        yield return (BaseFingerprintKey, expert.BaseFingerprint);
        if (expert.Task is not null)
            yield return (TaskKey, expert.Task);
        if (expert.Training is not null)
            yield return (TrainingKey, expert.Training);
        foreach (var (key, text) in expert.Extra)
            yield return (key, text);
    }

    public static Expert Read(string path)
    {
        using var file = GgufFile.Open(path);
        var metadata = file.Metadata;
        CheckKind(file);
        var vectors = new List<KeyValuePair<string, ReadOnlyMemory<float>>>();
        foreach (var tensor in file.Tensors)
            vectors.Add(new(WeightName(file, tensor), ReadVector(file, tensor)));
        if (vectors.Count == 0)
            throw new GgufException("the expert has no vectors.", path);
        var extra = new OrderedDictionary<string, string>();
        foreach (var (key, value) in metadata)
        {
            if (!IsReserved(key) && value.TryGetString(out var text))
                extra.Add(key, text);
        }
        return new Expert(
            RequiredText(file, NameKey),
            RequiredText(file, ArchitectureKey),
            RequiredText(file, BaseFingerprintKey),
            vectors,
            OptionalText(metadata, DescriptionKey),
            OptionalText(metadata, TaskKey),
            OptionalText(metadata, TrainingKey),
            extra);
    }

    private static void CheckKind(GgufFile file)
    {
        var metadata = file.Metadata;
        if (!metadata.ContainsKey(TypeKey) || metadata.GetString(TypeKey) is "model")
            throw new GgufException($"not an expert but a model: {TypeKey} is not \"{Type}\".", file.Path);
        if (metadata.GetString(TypeKey) is not Type)
            throw new GgufException($"not an expert: {TypeKey} is \"{metadata.GetString(TypeKey)}\", not \"{Type}\".", file.Path);
        if (metadata.GetString(AdapterTypeKey) is not AdapterType and var adapterType)
            throw new GgufException($"not an SVF expert: {AdapterTypeKey} is \"{adapterType}\", not \"{AdapterType}\".", file.Path);
        if (metadata.GetUInt32(VersionKey) is not Version and var version)
            throw new GgufException($"expert format version {version} is unknown; this T2 reads version {Version}.", file.Path);
    }

    private static string WeightName(GgufFile file, GgufTensor tensor)
    {
        if (!tensor.Name.EndsWith(TensorSuffix, StringComparison.Ordinal))
            throw new GgufException($"tensor \"{tensor.Name}\" does not belong in an expert: names end in \"{TensorSuffix}\".", file.Path, tensor.Offset);
        if (tensor.Type != TensorType.F32)
            throw new GgufException($"tensor \"{tensor.Name}\" is {tensor.Type}; vectors are F32.", file.Path, tensor.Offset);
        if (tensor.Dimensions.Count != 1)
            throw new GgufException($"tensor \"{tensor.Name}\" has {tensor.Dimensions.Count} dimensions; vectors have one.", file.Path, tensor.Offset);
        return tensor.Name[..^TensorSuffix.Length];
    }

    private static float[] ReadVector(GgufFile file, GgufTensor tensor)
    {
        var z = MemoryMarshal.Cast<byte, float>(file.GetData(tensor));
        return VectorProblem(tensor.Name[..^TensorSuffix.Length], z) is { } problem
            ? throw new GgufException(problem, file.Path, tensor.Offset)
            : z.ToArray();
    }

    private static string RequiredText(GgufFile file, string key) => file.Metadata.GetString(key) is { } text && !string.IsNullOrWhiteSpace(text)
        ? text
        : throw new GgufException($"metadata key \"{key}\" is empty.", file.Path);

    private static string? OptionalText(GgufMetadata metadata, string key) => metadata.ContainsKey(key) ? metadata.GetString(key) : null;
}
