using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using T2.Gguf;

namespace T2.Weights;

/// <summary>
/// Every weight tensor of a model that llama.cpp has loaded, found through the public C API: during one decode each node of the compute graph names its
/// sources. The pointers live as long as the model, and so may this object.
/// </summary>
public sealed unsafe class LiveWeights
{
    private readonly Dictionary<string, LiveTensor> _tensors;
    private readonly Dictionary<string, string> _refusals;

    private LiveWeights(Dictionary<string, LiveTensor> tensors, Dictionary<string, string> refusals)
    {
        _tensors = tensors;
        _refusals = refusals;
    }

    /// <summary>The weights that can be written, by name.</summary>
    public IReadOnlyDictionary<string, LiveTensor> Tensors => _tensors;

    /// <summary>The weights that were found and cannot be written safely, by name, with the reason.</summary>
    public IReadOnlyDictionary<string, string> Refusals => _refusals;

    /// <summary>Finds the weights of a loaded model.</summary>
    /// <param name="file">The file the model was loaded from: the source of names, types, shapes and pristine bytes.</param>
    /// <param name="probe">Runs one decode over the model.</param>
    /// <param name="ggml">The ggml that holds the model.</param>
    /// <param name="byCopy">
    /// Change weights that llama.cpp has allocated in host memory by overwriting them, as on a device, instead of moving a pointer: for a graph that would not
    /// see the pointer move.
    /// </param>
    /// <exception cref="WeightAccessException">This ggml is unknown, or the live tensors are not those of <paramref name="file"/>.</exception>
    public static LiveWeights Discover(GgufFile file, IWeightProbe probe, GgmlExports ggml, bool byCopy = false)
    {
        ArgumentNullException.ThrowIfNull(file);
        ArgumentNullException.ThrowIfNull(probe);
        ArgumentNullException.ThrowIfNull(ggml);

        var sightings = new Sightings(file);
        var handle = GCHandle.Alloc(sightings);
        try
        {
            probe.DecodeOnce((nint)(delegate* unmanaged[Cdecl]<void*, byte, void*, byte>)&OnNode, GCHandle.ToIntPtr(handle));
        }
        finally
        {
            handle.Free();
        }
        if (sightings.Failure is { } failure)
            throw new WeightAccessException("Watching the model's graph failed: " + failure.Message, failure);

        var tensors = new Dictionary<string, LiveTensor>(StringComparer.Ordinal);
        var refusals = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, pointers) in sightings.Found)
        {
            file.TryGetTensor(name, out var stored);
            string? refusal = Inspect(name, stored!, pointers, sightings.Viewed, file, ggml, byCopy, out var tensor);
            if (tensor is not null)
                tensors.Add(name, tensor);
            else
                refusals.Add(name, refusal!);
        }
        return new LiveWeights(tensors, refusals);
    }

    /// <summary>The live tensor of a weight.</summary>
    /// <exception cref="WeightAccessException">The model's graph never uses it, or it cannot be written safely; the message says which.</exception>
    public LiveTensor Require(string name)
    {
        if (_tensors.TryGetValue(name, out var tensor))
            return tensor;
        throw new WeightAccessException(_refusals.TryGetValue(name, out string? reason)
            ? $"Weight '{name}' cannot be rebuilt: it {reason}."
            : $"Weight '{name}' was not seen in the model's compute graph, so there is nothing to rebuild.");
    }

    private static string? Inspect(string name, GgufTensor stored, HashSet<nint> pointers, HashSet<nint> viewed, GgufFile file, GgmlExports ggml, bool byCopy, out LiveTensor? tensor)
    {
        tensor = null;
        foreach (nint pointer in pointers)
            GgmlTensorLayout.Verify((void*)pointer, ggml);
        if (pointers.Count > 1)
            return $"is tied: {pointers.Count} tensors of the graph carry its name, and rebuilding one would leave the other behind";

        void* live = (void*)pointers.First();
        if (viewed.Contains((nint)live))
            return "is used through views, whose data pointers would not follow it";
        if (GgmlTensorLayout.Type(live) != stored.Type)
            return $"is {stored.Type} in the file but {GgmlTensorLayout.Type(live)} in the loaded model";
        for (int dimension = 0; dimension < 4; dimension++)
        {
            long expected = dimension < stored.Dimensions.Count ? stored.Dimensions[dimension] : 1;
            if (GgmlTensorLayout.Extent(live, dimension) != expected)
                return "has another shape in the loaded model than in the file";
        }
        if (ggml.ByteLength(live) != stored.ByteLength)
            return "has another size in the loaded model than in the file";

        if (!GgmlTensorLayout.IsContiguous(live))
            return "does not lie in memory row by row";

        void* buffer = GgmlTensorLayout.Buffer(live);
        if (buffer == null)
            return "has no buffer";
        string bufferName = ggml.BufferName(buffer);
        if (TensorStorageRules.Classify(bufferName, ggml.BufferIsHost(buffer), out string? refusal) is not { } storage)
            return refusal;
        if (storage == TensorStorage.Device && TensorStorageRules.RefusalOf(bufferName, stored.Type) is { } rearranged)
            return rearranged;
        if (byCopy && storage == TensorStorage.Host)
            storage = TensorStorage.Device;

        var found = new LiveTensor(name, stored, storage, bufferName, live, file.GetPointer(stored), ggml);
        if (found.IsReadable && !found.SampleIsPristine())
            return "does not hold the file's bytes: llama.cpp changed it while loading, or it was edited before T2 saw it";
        tensor = found;
        return null;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static byte OnNode(void* node, byte ask, void* userData)
    {
        // The scheduler asks before each node whether we want its result: never, so nothing is synchronised or split.
        if (ask == 0)
            return 1;
        var sightings = (Sightings)GCHandle.FromIntPtr((nint)userData).Target!;
        try
        {
            sightings.Record(node);
        }
        catch (Exception failure)
        {
            // Nothing may be thrown into native code; Discover rethrows.
            sightings.Failure ??= failure;
        }
        return 0;
    }

    /// <summary>What one decode showed.</summary>
    private sealed class Sightings(GgufFile file)
    {
        internal Dictionary<string, HashSet<nint>> Found { get; } = new(StringComparer.Ordinal);

        internal HashSet<nint> Viewed { get; } = [];

        internal Exception? Failure { get; set; }

        internal void Record(void* node)
        {
            void* viewed = GgmlTensorLayout.ViewSource(node);
            if (viewed != null)
                Viewed.Add((nint)viewed);
            for (int index = 0; index < GgmlTensorLayout.SourceCount; index++)
            {
                void* source = GgmlTensorLayout.Source(node, index);
                if (source == null)
                    continue;
                string name = GgmlTensorLayout.Name(source);
                if (!file.TryGetTensor(name, out _))
                    continue;
                if (!Found.TryGetValue(name, out var pointers))
                    Found.Add(name, pointers = []);
                pointers.Add((nint)source);
            }
        }
    }
}
