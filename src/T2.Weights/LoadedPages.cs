using System.Runtime.InteropServices;
using T2.Gguf;

namespace T2.Weights;

/// <summary>
/// Memory that a loaded model no longer reads. llama.cpp maps the whole file and reads all of it in while it loads; weights that it then keeps elsewhere, repacked
/// or on a device, leave their pages behind in the mapping, where they count as the process's memory a second time.
/// </summary>
public static unsafe partial class LoadedPages
{
    /// <summary>
    /// Lets go of the file's pages of those weights, and of all that T2's own view of the file has read so far. Nothing changes but memory: a page that is read
    /// once more comes back from the file. Does nothing for what llama.cpp has not mapped.
    /// </summary>
    /// <param name="file">The file the model was loaded from.</param>
    /// <param name="weights">The model's weights.</param>
    public static void Release(GgufFile file, LiveWeights weights)
    {
        ArgumentNullException.ThrowIfNull(file);
        ArgumentNullException.ThrowIfNull(weights);
        file.ReleasePages();
        TrimHeap();

        // llama.cpp unmaps the file before its first mapped weight and after the last, and others may have that memory by now. Between two mapped weights of a
        // model that is open the mapping is whole, and weights say where it lies.
        byte* start = null;
        long first = long.MaxValue, end = 0;
        foreach (var tensor in weights.Tensors.Values)
        {
            if (tensor.Storage != TensorStorage.Mapped)
                continue;
            byte* mapped;
            fixed (byte* data = tensor.Pristine)
                mapped = data - tensor.Stored.Offset;
            if (start != null && mapped != start)
                return;
            start = mapped;
            first = Math.Min(first, tensor.Stored.Offset);
            end = Math.Max(end, tensor.Stored.Offset + tensor.Stored.ByteLength);
        }
        foreach (var tensor in weights.Tensors.Values)
        {
            if (tensor.Storage is TensorStorage.Repacked or TensorStorage.Device && tensor.Stored.Offset > first && tensor.Stored.Offset < end)
                MappedPages.Retire(start + tensor.Stored.Offset, tensor.Stored.ByteLength);
        }
    }

    /// <summary>Gives back what reading a vocabulary of a hundred thousand tokens, and planning the graph, left free in the C heap.</summary>
    private static void TrimHeap()
    {
        if (!OperatingSystem.IsLinux())
            return;
        try
        {
            _ = Trim(0);
        }
        catch (EntryPointNotFoundException)
        {
            // A C library other than glibc: it has no such call.
        }
    }

    [LibraryImport("libc", EntryPoint = "malloc_trim")]
    private static partial int Trim(nuint pad);
}
