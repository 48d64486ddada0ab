using T2.Kernels;
using T2.Kernels.Gpu;
using T2.Weights;

namespace T2.Runtime;

/// <summary>Finds the GPUs that a model's weights lie on.</summary>
internal static class DeviceDiscovery
{
    // ggml's name of device n's buffers: CUDA0, CUDA1, … in the driver's order, which CUDA_VISIBLE_DEVICES shapes for both.
    private const string Cuda = "CUDA";

    /// <summary>Opens every CUDA device that has weights of the model, and hands them over. Other accelerators' weights are rebuilt on the CPU and uploaded by llama.cpp.</summary>
    /// <param name="weights">The model's weights.</param>
    /// <param name="kernel">The CPU's kernel.</param>
    /// <param name="options">How to rebuild, and with what memory.</param>
    /// <exception cref="GpuException">A device cannot be used; the message says which and why.</exception>
    /// <exception cref="WeightAccessException">A device has other bytes than the file.</exception>
    internal static List<DeviceWeights> Open(LiveWeights weights, IWeightKernel kernel, ModelOptions options)
    {
        var open = new List<DeviceWeights>();
        // A kernel asked for by name does the work itself.
        if (options.Kernel is { } name && name != GpuKernelEntry.Entry.Name)
            return open;
        try
        {
            foreach (var group in weights.Tensors.Values.Where(static tensor => tensor.Storage == TensorStorage.Device).GroupBy(static tensor => tensor.BufferName, StringComparer.Ordinal))
            {
                var device = options.GpuOverride is { } make ? make(group.Key) : Number(group.Key) is { } number ? GpuKernelEntry.Open(number) : null;
                if (device is null)
                    continue;
                var found = new DeviceWeights(device, [.. group], kernel, options.ResolvedThreads, options.GpuPlan, options.PreparedBytes);
                open.Add(found);
                found.Attach();
            }
            return open;
        }
        catch
        {
            open.ForEach(static device => device.Dispose());
            throw;
        }
    }

    private static int? Number(string bufferName) =>
        bufferName.StartsWith(Cuda, StringComparison.Ordinal) && int.TryParse(bufferName.AsSpan(Cuda.Length), System.Globalization.NumberStyles.None, null, out int number) ? number : null;
}
