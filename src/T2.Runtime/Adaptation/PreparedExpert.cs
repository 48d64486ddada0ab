using T2.Gguf.Experts;
using T2.Weights;

namespace T2.Runtime;

/// <summary>An expert whose weights have been rebuilt and are kept in memory: switching to it costs a pointer per weight on a CPU, a copy on a device.</summary>
internal sealed class PreparedExpert(Expert expert, IReadOnlyList<TensorVersion> versions) : IDisposable
{
    internal Expert Expert { get; } = expert;

    internal IReadOnlyList<TensorVersion> Versions { get; } = versions;

    internal long ByteLength { get; } = versions.Sum(static version => version.ByteLength);

    /// <summary>Shows the expert's weights, and the base's wherever the expert has none.</summary>
    internal void Show(IEnumerable<LiveTensor> all)
    {
        var own = Versions.ToDictionary(static version => version.Tensor);
        foreach (var tensor in all)
            tensor.Show(own.GetValueOrDefault(tensor));
    }

    public void Dispose()
    {
        foreach (var version in Versions)
            version.Dispose();
    }
}
