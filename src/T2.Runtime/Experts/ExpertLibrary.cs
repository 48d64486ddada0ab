using System.Diagnostics.CodeAnalysis;
using T2.Gguf.Experts;

namespace T2.Runtime;

/// <summary>The experts a model may be put on, by name, in the order they were added. The name <c>other</c> is taken: it means the base.</summary>
public sealed class ExpertLibrary
{
    /// <summary>The label that stands for the base weights in every dispatch.</summary>
    public const string Other = "other";

    private readonly List<Expert> _experts = [];
    private readonly List<Expert> _classifiers = [];

    /// <summary>The experts to answer with, in the order they were added.</summary>
    public IReadOnlyList<Expert> Experts => _experts;

    /// <summary>The experts to dispatch with (<see cref="Expert.IsClassifier"/>), in the order they were added. Dispatch never chooses one.</summary>
    public IReadOnlyList<Expert> Classifiers => _classifiers;

    /// <summary>Adds an expert, or a classifier.</summary>
    /// <exception cref="ArgumentException">Its name is empty, is <c>other</c> or <c>base</c>, or is in the library already.</exception>
    public void Add(Expert expert)
    {
        ArgumentNullException.ThrowIfNull(expert);
        if (string.IsNullOrWhiteSpace(expert.Name))
            throw new ArgumentException("An expert in a library needs a name.", nameof(expert));
        if (IsReserved(expert.Name))
            throw new ArgumentException($"The name '{expert.Name}' stands for the base weights; give the expert another one.", nameof(expert));
        if (TryGet(expert.Name, out _))
            throw new ArgumentException($"The library has an expert named '{expert.Name}' already.", nameof(expert));
        (expert.IsClassifier ? _classifiers : _experts).Add(expert);
    }

    /// <summary>Loads an expert file and adds it.</summary>
    /// <exception cref="T2.Gguf.GgufException">The file is not a valid expert.</exception>
    /// <exception cref="ArgumentException">Its name is taken.</exception>
    public Expert Load(string path)
    {
        var expert = Expert.Load(path);
        Add(expert);
        return expert;
    }

    /// <summary>Finds an expert or a classifier by name, whatever its case.</summary>
    public bool TryGet(string name, [NotNullWhen(true)] out Expert? expert)
    {
        expert = _experts.Concat(_classifiers).FirstOrDefault(candidate => string.Equals(candidate.Name, name, StringComparison.OrdinalIgnoreCase));
        return expert is not null;
    }

    /// <summary>Finds an expert by name, whatever its case.</summary>
    /// <exception cref="KeyNotFoundException">There is none; the message lists those there are.</exception>
    public Expert Get(string name) => TryGet(name, out var expert)
        ? expert
        : throw new KeyNotFoundException(_experts.Count == 0
            ? $"There is no expert named '{name}': the library is empty."
            : $"There is no expert named '{name}'. The library has: {string.Join(", ", _experts.Select(static known => known.Name))}.");

    /// <summary>The experts to answer with, as dispatch sees them.</summary>
    internal IReadOnlyList<ExpertLabel> Labels => [.. _experts.Select(static expert => new ExpertLabel(expert.Name, expert.Description))];

    internal static bool IsReserved(string name) =>
        string.Equals(name, Other, StringComparison.OrdinalIgnoreCase) || string.Equals(name, "base", StringComparison.OrdinalIgnoreCase);
}
