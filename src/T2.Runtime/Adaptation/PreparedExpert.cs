using T2.Gguf.Experts;
using T2.Weights;

namespace T2.Runtime;

/// <summary>An expert whose weights have been rebuilt and are kept in memory: switching to it costs a pointer per weight on a CPU, a copy within it on a device.</summary>
internal sealed class PreparedExpert(Expert expert, IReadOnlyList<TensorArena> arenas, IReadOnlyList<TensorVersion> versions, bool isMixture) : IDisposable
{
    private readonly Dictionary<LiveTensor, TensorVersion> _versions = versions.ToDictionary(static version => version.Tensor);

    internal Expert Expert { get; } = expert;

    /// <summary>Whether it was summed from deltas: cheap to make again, so one such is kept at a time.</summary>
    internal bool IsMixture { get; } = isMixture;

    /// <summary>The memory of its weights: on the host, and on each device that has some.</summary>
    internal IReadOnlyList<TensorArena> Arenas { get; } = arenas;

    /// <summary>Whether its weights came from a file instead of being rebuilt.</summary>
    internal bool IsFromFile { get; init; }

    /// <summary>Weights that a device without room for versions writes where the model has them, when the expert is shown: it is not kept then.</summary>
    internal IReadOnlyList<RebuildStep> InPlace { get; init; } = [];

    internal int Weights => _versions.Count;

    /// <summary>Weights that are of a finer type than the base's.</summary>
    internal int Raised { get; } = versions.Count(static version => version.Type != version.Tensor.Stored.Type);

    /// <summary>Weights that lie on devices.</summary>
    internal int OnDevice { get; } = versions.Count(static version => version.Tensor.Device is not null);

    /// <summary>Bytes of its weights; the arenas have a little more.</summary>
    internal long ByteLength { get; } = versions.Sum(static version => version.ByteLength);

    /// <summary>Shows the expert's weights, and the base's wherever the expert has none.</summary>
    internal void Show(IEnumerable<LiveTensor> all)
    {
        foreach (var tensor in all)
            tensor.Show(_versions.GetValueOrDefault(tensor));
    }

    /// <summary>Frees the memory. It must not be shown.</summary>
    public void Dispose()
    {
        foreach (var arena in Arenas)
            arena.Dispose();
    }
}
