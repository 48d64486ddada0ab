using System.Globalization;
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
    /// <param name="options">How to rebuild, and with what memory.</param>
    /// <exception cref="GpuException">A device cannot be used; the message says which and why.</exception>
    /// <exception cref="WeightAccessException">A device has other bytes than the file.</exception>
    internal static List<DeviceWeights> Open(LiveWeights weights, ModelOptions options)
    {
        var open = new List<DeviceWeights>();
        // A kernel asked for by name does the work itself.
        if (KernelRegistry.AsksForOther(GpuKernelEntry.Entry.Name, options.Kernel))
            return open;
        var numbers = new Dictionary<int, IGpuDevice>();
        try
        {
            var onDevices = weights.Tensors.Values.Where(static tensor => tensor.Storage == TensorStorage.Device);
            foreach (var group in onDevices.GroupBy(options.GpuOverride ?? (tensor => Open(tensor, numbers))))
            {
                if (group.Key is not { } device)
                    continue;
                var found = new DeviceWeights(device, [.. group], options.KernelOverride ?? KernelRegistry.Best(), options.ResolvedThreads, options.GpuPlan, options.PreparedBytes);
                open.Add(found);
                found.Attach();
            }
            return open;
        }
        catch
        {
            foreach (var device in numbers.Values)
                device.Dispose();
            throw;
        }
    }

    private static IGpuDevice? Open(LiveTensor tensor, Dictionary<int, IGpuDevice> open)
    {
        if (!tensor.BufferName.StartsWith(Cuda, StringComparison.Ordinal) || !int.TryParse(tensor.BufferName.AsSpan(Cuda.Length), NumberStyles.None, CultureInfo.InvariantCulture, out int number))
            return null;
        if (!open.TryGetValue(number, out var device))
            open.Add(number, device = Open(number));
        return device;
    }

    private static IGpuDevice Open(int number)
    {
        try
        {
            return GpuKernelEntry.Open(number);
        }
        catch (GpuException exception)
        {
            throw new GpuException($"Weights on CUDA device {number} cannot be rebuilt there: {exception.Message} A CPU's kernel, asked for by name, rebuilds and uploads them instead.", exception);
        }
    }
}
