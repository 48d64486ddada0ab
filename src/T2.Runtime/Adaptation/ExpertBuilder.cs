using T2.Gguf;
using T2.Gguf.Experts;
using T2.Weights;

namespace T2.Runtime;

/// <summary>Fills memory with an expert's weights, one after the other; it may start again at the first.</summary>
/// <param name="tensors">The weights.</param>
/// <param name="types">Their types.</param>
/// <param name="arenas">Memory for them: the host's, then each device's. A device's without room means that it writes them in place.</param>
internal sealed class ExpertBuilder(LiveTensor[] tensors, TensorType[] types, TensorArena[] arenas)
{
    private readonly TensorVersion[] _versions = new TensorVersion[tensors.Length];
    private readonly List<RebuildStep> _inPlace = [];

    /// <summary>Whether a device writes weights where the model has them.</summary>
    internal bool IsInPlace => Array.Exists(tensors, tensor => tensor.Device is not null && ArenaOf(tensor).Length == 0);

    /// <summary>Makes a weight of bytes that the host writes.</summary>
    internal void Make(int index, TensorFill fill)
    {
        Begin(index);
        _versions[index] = tensors[index].CreateVersion(ArenaOf(tensors[index]), types[index], fill);
    }

    /// <summary>Has a weight's device make it.</summary>
    /// <param name="index">Its place among the weights.</param>
    /// <param name="step">What to make.</param>
    /// <param name="copy">Receives the bytes as well; null = nothing does.</param>
    /// <param name="cancellation">Observed before anything is written.</param>
    internal void MakeOnDevice(int index, RebuildStep step, Stream? copy, CancellationToken cancellation)
    {
        Begin(index);
        var arena = ArenaOf(step.Tensor);
        var device = (DeviceWeights)step.Tensor.Device!;
        if (arena.Length == 0)
        {
            _versions[index] = step.Tensor.VersionInPlace(arena);
            _inPlace.Add(step);
            return;
        }
        _versions[index] = step.Tensor.CreateVersion(arena, address =>
        {
            device.Rebuild(step, address, cancellation);
            if (copy is null)
                return;
            var bytes = new byte[step.Tensor.LiveLength];
            device.Download(address, bytes);
            copy.Write(bytes);
        });
    }

    /// <summary>The expert, when all its weights are there.</summary>
    internal PreparedExpert Finish(Expert expert, bool isMixture, bool isFromFile)
    {
        foreach (var arena in arenas)
        {
            arena.Seal();
            arena.Device?.Finish();
        }
        return new PreparedExpert(expert, arenas, _versions, isMixture) { IsFromFile = isFromFile, InPlace = _inPlace };
    }

    private void Begin(int index)
    {
        if (index > 0)
            return;
        _inPlace.Clear();
        foreach (var arena in arenas)
            arena.Clear();
    }

    private TensorArena ArenaOf(LiveTensor tensor) => Array.Find(arenas, arena => ReferenceEquals(arena.Device, tensor.Device))!;
}
