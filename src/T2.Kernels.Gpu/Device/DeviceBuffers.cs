namespace T2.Kernels.Gpu;

/// <summary>Where a job gets device memory from.</summary>
internal interface IDeviceMemory : IDisposable
{
    /// <summary>Memory until this is disposed.</summary>
    DevicePointer Allocate(long bytes);
}

/// <summary>Device memory of one job: everything allocated here is freed together, also when an allocation half way fails.</summary>
internal sealed class DeviceBuffers(IGpuDevice device) : IDeviceMemory
{
    private readonly List<DevicePointer> _pointers = [];

    /// <inheritdoc/>
    public DevicePointer Allocate(long bytes)
    {
        var pointer = device.Allocate(bytes);
        _pointers.Add(pointer);
        return pointer;
    }

    /// <summary>Frees one buffer early.</summary>
    public void Free(DevicePointer pointer)
    {
        if (!_pointers.Remove(pointer))
            throw new ArgumentException($"{pointer} is not of this job.", nameof(pointer));
        device.Free(pointer);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var pointer in _pointers)
            device.Free(pointer);
        _pointers.Clear();
    }
}
