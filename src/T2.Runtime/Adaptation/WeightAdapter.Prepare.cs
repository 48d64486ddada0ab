using T2.Gguf;
using T2.Gguf.Experts;
using T2.Kernels;
using T2.Weights;

namespace T2.Runtime;

public sealed partial class WeightAdapter
{
    /// <summary>Where rebuilt experts are kept as files, and what identifies the base; null = nowhere.</summary>
    internal (string Directory, Func<string> Fingerprint)? Files { get; init; }

    /// <summary>An expert's weights: from a file where there is one that fits, else rebuilt, and written to one.</summary>
    private (PreparedExpert Prepared, string? Note) Prepare(Expert expert, FactorStore factors, CancellationToken cancellation)
    {
        LiveTensor[] tensors = [.. Changed(expert).Select(vector => _weights.Require(vector.Key))];
        var types = Types(tensors, out var lengths, out string? note);
        // Mixtures are endless; no file for each. Nor one of weights that a device has no room for beside the model's.
        if (Files is not { } files || tensors.Length == 0 || expert.Parts.Count > 0 || _devices.Where((device, index) => lengths[index + 1] > device.PreparedBudget).Any())
            return (Rebuild(expert, factors, tensors, types, lengths, file: null, cancellation).Prepared, note);

        string key = PreparedFile.Key(files.Fingerprint(), KernelNames(tensors), expert, tensors, types);
        string path = PreparedFile.PathOf(files.Directory, key);
        if (PreparedFile.TryOpen(path, key, tensors, types, out string? problem) is { } found)
            return (Load(expert, found, tensors, types, lengths), note);
        var (prepared, failure) = Rebuild(expert, factors, tensors, types, lengths, (path, key), cancellation);
        string? ofFile = failure is not null ? $"'{path}' could not be written: {failure}" : problem is not null ? $"'{path}' could not be used and is written anew: {problem}." : null;
        return (prepared, note is null || ofFile is null ? note ?? ofFile : $"{note} {ofFile}");
    }

    /// <summary>What rebuilds these weights: another kernel's bytes may differ.</summary>
    private string KernelNames(LiveTensor[] tensors) => Array.Exists(tensors, static tensor => tensor.Device is not null) ? $"{_kernel.Name}+gpu" : _kernel.Name;

    private (PreparedExpert Prepared, string? Failure) Rebuild(
        Expert expert, FactorStore factors, LiveTensor[] tensors, TensorType[] types, long[] lengths, (string Path, string Key)? file, CancellationToken cancellation)
    {
        var plan = Plan(expert, factors);
        cancellation.ThrowIfCancellationRequested();
        string? failure = null;
        var prepared = Build(expert, tensors, types, lengths, isMixture: false, fill: builder =>
        {
            void Make(int index, Stream? copy)
            {
                cancellation.ThrowIfCancellationRequested();
                if (tensors[index].Device is not null)
                {
                    builder.MakeOnDevice(index, plan[index], copy, cancellation);
                    return;
                }
                builder.Make(index, destination =>
                {
                    Rebuild(plan[index], factors, types[index], destination, cancellation);
                    copy?.Write(destination);
                });
            }

            if (file is { } target && !builder.IsInPlace)
            {
                try
                {
                    PreparedFile.Write(target.Path, target.Key, expert, tensors, types, Make);
                    return;
                }
                catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
                {
                    failure = exception.Message;
                }
            }
            for (int index = 0; index < tensors.Length; index++)
                Make(index, copy: null);
        });
        return (prepared, failure);
    }

    /// <summary>Weights from a file: where they lie in it, mapped; copied where one of them has to be repacked or lies on a device.</summary>
    private unsafe PreparedExpert Load(Expert expert, GgufFile file, LiveTensor[] tensors, TensorType[] types, long[] lengths)
    {
        bool isMapped = tensors.Zip(types).All(static pair => pair.First.Storage != TensorStorage.Device && pair.First.HasFileLayout(pair.Second));
        if (!isMapped)
        {
            using (file)
            {
                return Build(expert, tensors, types, lengths, isMixture: false, isFromFile: true, fill: builder =>
                {
                    for (int index = 0; index < tensors.Length; index++)
                    {
                        var stored = file.Tensors[index];
                        builder.Make(index, destination => file.GetData(stored).CopyTo(destination));
                        MappedPages.Release(file.GetPointer(stored), stored.ByteLength);
                    }
                });
            }
        }

        // Makes room as for any other; the arena it would reuse is not needed.
        _prepared.MakeRoom(lengths, Leave);
        byte* start = file.GetPointer(file.Tensors[0]);
        var arena = TensorArena.Over(start, file.GetPointer(file.Tensors[^1]) - start, file);
        var prepared = new PreparedExpert(
            expert, [arena], [.. tensors.Select((tensor, index) => tensor.VersionAt(arena, types[index], file.GetPointer(file.Tensors[index])))], isMixture: false)
        {
            IsFromFile = true,
        };
        _prepared.Add(prepared);
        return prepared;
    }
}
