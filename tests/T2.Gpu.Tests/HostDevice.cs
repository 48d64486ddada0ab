using System.Runtime.InteropServices;
using T2.Kernels.Gpu;

namespace T2.Gpu.Tests;

/// <summary>A device whose memory is the host's, so that a library that is made up can compute in it. It has no kernels.</summary>
internal sealed unsafe class HostDevice : IGpuDevice
{
    private readonly HashSet<ulong> _memory = [];

    public string Name => "Host";

    public bool HasTensorCores => false;

    public (long Free, long Total) Memory => (long.MaxValue, long.MaxValue);

    public int LiveBuffers => _memory.Count;

    public DevicePointer Allocate(long bytes)
    {
        var pointer = new DevicePointer((ulong)NativeMemory.AllocZeroed((nuint)bytes));
        _memory.Add(pointer.Address);
        return pointer;
    }

    public void Free(DevicePointer pointer)
    {
        Assert.True(_memory.Remove(pointer.Address));
        NativeMemory.Free((void*)pointer.Address);
    }

    public nint AllocatePinned(long bytes) => throw new NotSupportedException();

    public void FreePinned(nint pointer) => throw new NotSupportedException();

    public void Upload(byte* source, DevicePointer destination, long bytes, GpuStream stream) => NativeMemory.Copy(source, (void*)destination.Address, (nuint)bytes);

    public void Download(DevicePointer source, byte* destination, long bytes) => NativeMemory.Copy((void*)source.Address, destination, (nuint)bytes);

    public void Copy(DevicePointer source, DevicePointer destination, long bytes) => NativeMemory.Copy((void*)source.Address, (void*)destination.Address, (nuint)bytes);

    public void Clear(DevicePointer destination, long bytes) => NativeMemory.Clear((void*)destination.Address, (nuint)bytes);

    public void Launch(GpuKernel kernel, int gridX, int gridY, ReadOnlySpan<KernelArgument> arguments) => throw new NotSupportedException();

    public GpuEvent Record(GpuStream stream) => throw new NotSupportedException();

    public void Wait(GpuStream stream, GpuEvent moment) => throw new NotSupportedException();

    public void Synchronize()
    {
    }

    public void Dispose()
    {
    }
}
