using T2.Kernels;
using T2.Kernels.Gpu;
using T2.Kernels.Gpu.Driver;

namespace T2.Gpu.Tests;

public sealed class GpuKernelEntryTests
{
    [Fact]
    public void Joins_the_registry_in_the_last_place_and_once()
    {
        GpuKernelEntry.Register();
        GpuKernelEntry.Register();
        Assert.Single(KernelRegistry.Entries, static entry => entry.Name == "gpu");
        Assert.Equal("gpu", KernelRegistry.Entries[^1].Name);
        Assert.NotEqual("gpu", KernelRegistry.Resolve().Name);
        Assert.Throws<ArgumentException>(static () => KernelRegistry.Add(GpuKernelEntry.Entry));
    }

    [SkippableFact]
    public void Without_a_gpu_it_says_that_it_cannot_run_and_why()
    {
        Skip.If(CudaDriver.TryLoad(out _, out _), "this machine has a CUDA driver");
        Assert.False(GpuKernelEntry.Entry.IsAvailable());
        Assert.Contains("no CUDA driver is installed", Assert.Throws<GpuException>(static () => GpuKernelEntry.Open(0)).Message, StringComparison.Ordinal);
    }
}
