using T2.Kernels.Gpu.Driver;

namespace T2.Kernels.Gpu;

/// <summary>The GPU among the kernels.</summary>
public static class GpuKernelEntry
{
    private static readonly Lazy<(CudaDriver? Driver, string Reason)> s_driver = new(static () =>
    {
        CudaDriver.TryLoad(out var driver, out string reason);
        return (driver, reason);
    });

    private static readonly Lazy<GpuWeightKernel> s_kernel = new(static () => new GpuWeightKernel(Open(0)));

    /// <summary>CUDA device 0, with pristine weights and results passing through the host. Opened once, when first asked for.</summary>
    public static KernelEntry Entry { get; } = new(
        "gpu",
        "ILGPU kernels on CUDA device 0, by way of the host; never chosen by itself, for it has not been measured on CUDA yet",
        static () => s_driver.Value.Driver is { } driver && driver.DeviceGetCount(out int count) == 0 && count > 0,
        static () => s_kernel.Value);

    private static readonly Lazy<bool> s_registered = new(static () =>
    {
        KernelRegistry.Add(Entry);
        return true;
    });

    /// <summary>Adds the entry to <see cref="KernelRegistry"/>, in the last place, unless it is there.</summary>
    public static void Register() => _ = s_registered.Value;

    /// <summary>Opens a CUDA device.</summary>
    /// <param name="ordinal">Its number, from 0.</param>
    /// <exception cref="GpuException">There is no CUDA driver or no such device; the message says which.</exception>
    public static CudaDevice Open(int ordinal) => s_driver.Value is { Driver: { } driver }
        ? CudaDevice.Open(driver, ordinal)
        : throw new GpuException($"There is no GPU to use: {s_driver.Value.Reason}.");
}
