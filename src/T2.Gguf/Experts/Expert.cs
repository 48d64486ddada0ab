using System.Runtime.InteropServices;

namespace T2.Gguf.Experts;

/// <summary>
/// An SVF expert: for each adapted weight W = U·diag(σ)·Vᵀ one vector z, so that the expert's weight is U·diag(σ⊙z)·Vᵀ. The vectors are
/// <em>effective</em>: 1.0 leaves a singular value as it is, and weights without a vector are left alone. Immutable.
/// </summary>
/// <remarks>
/// On disk a GGUF file with <c>general.type</c> "adapter", <c>adapter.type</c> "svf", the architecture and the fingerprint of the base,
/// and one F32 tensor <c>&lt;weight name&gt;.svf_z</c> per vector.
/// </remarks>
public sealed partial class Expert
{
    /// <summary>Values beyond this magnitude are taken for damage: trained vectors stay within a few tenths of 1.</summary>
    public const float MaxMagnitude = 1e4f;

    private readonly OrderedDictionary<string, ReadOnlyMemory<float>> _vectors;
    private readonly OrderedDictionary<string, string> _extra;

    /// <summary>Makes an expert.</summary>
    /// <param name="name">Short name to choose it by.</param>
    /// <param name="architecture"><c>general.architecture</c> of the base model.</param>
    /// <param name="baseFingerprint"><see cref="WeightFingerprint"/> of the base model.</param>
    /// <param name="vectors">Weight name ("blk.0.ffn_gate.weight") → effective z, length r = min(rows, columns) of the weight, finite, not all zeros. Copied.</param>
    /// <param name="description">Free text for people.</param>
    /// <param name="task">What it was trained for.</param>
    /// <param name="training">How it was trained.</param>
    /// <param name="extra">Other free text: full metadata keys, none of which may be one of the format's own.</param>
    /// <exception cref="ArgumentException">A field is empty, a vector unusable, or a key of <paramref name="extra"/> reserved; the message says which.</exception>
    public Expert(
        string name,
        string architecture,
        string baseFingerprint,
        IEnumerable<KeyValuePair<string, ReadOnlyMemory<float>>> vectors,
        string? description = null,
        string? task = null,
        string? training = null,
        IEnumerable<KeyValuePair<string, string>>? extra = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        ArgumentException.ThrowIfNullOrWhiteSpace(architecture);
        ArgumentException.ThrowIfNullOrWhiteSpace(baseFingerprint);
        ArgumentNullException.ThrowIfNull(vectors);
        Name = name;
        Architecture = architecture;
        BaseFingerprint = baseFingerprint;
        Description = description;
        Task = task;
        Training = training;
        _vectors = [];
        foreach (var (weight, z) in vectors)
        {
            if (ExpertFormat.VectorProblem(weight, z.Span) is { } problem)
                throw new ArgumentException(problem, nameof(vectors));
            if (!_vectors.TryAdd(weight, z.ToArray()))
                throw new ArgumentException($"Weight \"{weight}\" has two vectors.", nameof(vectors));
        }
        if (_vectors.Count == 0)
            throw new ArgumentException("An expert needs at least one vector.", nameof(vectors));
        _extra = [];
        foreach (var (key, text) in extra ?? [])
        {
            if (key.Length == 0 || ExpertFormat.IsReserved(key))
                throw new ArgumentException($"The key \"{key}\" is not free for extra metadata.", nameof(extra));
            _extra[key] = text;
        }
    }

    /// <summary>Short name to choose it by.</summary>
    public string Name { get; }

    /// <summary><c>general.architecture</c> of the base model.</summary>
    public string Architecture { get; }

    /// <summary><see cref="WeightFingerprint"/> of the base model.</summary>
    public string BaseFingerprint { get; }

    /// <summary>Free text for people.</summary>
    public string? Description { get; }

    /// <summary>What it was trained for.</summary>
    public string? Task { get; }

    /// <summary>How it was trained.</summary>
    public string? Training { get; }

    /// <summary>Weight name ("blk.0.ffn_gate.weight") → effective z, in the order given.</summary>
    public IReadOnlyDictionary<string, ReadOnlyMemory<float>> Vectors => _vectors;

    /// <summary>Other free-text metadata by full key, in the order given.</summary>
    public IReadOnlyDictionary<string, string> Extra => _extra;

    /// <summary>Reads and checks an expert file.</summary>
    /// <exception cref="GgufException">Not a well-formed GGUF file, not an SVF expert, of a newer version, or with an unusable tensor; the message names file and tensor.</exception>
    public static Expert Load(string path) => ExpertFormat.Read(path);

    /// <summary>Writes the expert atomically.</summary>
    /// <exception cref="IOException">Writing failed.</exception>
    /// <exception cref="UnauthorizedAccessException">The directory may not be written to.</exception>
    public void Save(string path)
    {
        var writer = new GgufWriter();
        foreach (var (key, value) in ExpertFormat.Metadata(this))
            writer.SetMetadata(key, value);
        foreach (var (weight, z) in _vectors)
            writer.AddTensor(weight + ExpertFormat.TensorSuffix, TensorType.F32, [z.Length], stream => stream.Write(MemoryMarshal.AsBytes(z.Span)));
        writer.WriteTo(path);
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Name} ({Architecture}, {_vectors.Count} vectors)";
}
