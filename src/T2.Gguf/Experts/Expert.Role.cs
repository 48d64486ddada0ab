namespace T2.Gguf.Experts;

public sealed partial class Expert
{
    /// <summary>Key of <see cref="Extra"/> for what an expert is, where it is not one to answer with.</summary>
    public const string RoleKey = "t2.svf.role";

    /// <summary>The <see cref="RoleKey"/> of an expert trained to tell which expert a prompt needs.</summary>
    public const string ClassifierRole = "classifier";

    /// <summary>Whether it was trained to dispatch rather than to answer: no label of a library, but weights for pass 1.</summary>
    public bool IsClassifier => _extra.TryGetValue(RoleKey, out var role) && role == ClassifierRole;

    /// <summary>The same expert with other metadata: its vectors stay bit for bit.</summary>
    /// <param name="name">Its name; null = as it is.</param>
    /// <param name="architecture">The base's architecture; null = as it is.</param>
    /// <param name="baseFingerprint">The base's fingerprint; null = as it is.</param>
    /// <param name="extra">Texts to set beside those there are.</param>
    public Expert With(string? name = null, string? architecture = null, string? baseFingerprint = null, params IReadOnlyList<KeyValuePair<string, string>> extra)
    {
        ArgumentNullException.ThrowIfNull(extra);
        var texts = new OrderedDictionary<string, string>(_extra);
        foreach (var (key, text) in extra)
            texts[key] = text;
        return new Expert(name ?? Name, architecture ?? Architecture, baseFingerprint ?? BaseFingerprint, _vectors, Description, Task, Training, texts);
    }
}
