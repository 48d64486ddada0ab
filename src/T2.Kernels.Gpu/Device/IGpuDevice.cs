namespace T2.Kernels.Gpu;

/// <summary>The two queues of a device. Work of one queue runs in order; the queues run beside each other.</summary>
public enum GpuStream
{
    /// <summary>Kernels, and the copies they depend on.</summary>
    Compute,

    /// <summary>Uploads that run ahead of the kernels.</summary>
    Copy,
}

/// <summary>A moment in a queue, made by <see cref="IGpuDevice.Record"/>.</summary>
/// <param name="Handle">The driver's handle.</param>
public readonly record struct GpuEvent(nint Handle);

/// <summary>
/// Memory and kernels of one device: what T2 needs of a GPU, and no more. Calls queue work and return; <see cref="Synchronize"/>, <see cref="Download"/> and
/// <see cref="Free"/> wait. Not thread-safe: one thread at a time.
/// </summary>
public interface IGpuDevice : IDisposable
{
    /// <summary>Name of the device, as its driver gives it.</summary>
    string Name { get; }

    /// <summary>Whether it has the tensor-core instructions of sm_80.</summary>
    bool HasTensorCores { get; }

    /// <summary>Free and total memory, in bytes.</summary>
    /// <exception cref="GpuException">The driver failed.</exception>
    (long Free, long Total) Memory { get; }

    /// <summary>Allocates device memory, aligned to at least 256 bytes.</summary>
    /// <exception cref="GpuOutOfMemoryException">There is not enough.</exception>
    DevicePointer Allocate(long bytes);

    /// <summary>Frees memory of <see cref="Allocate"/>.</summary>
    void Free(DevicePointer pointer);

    /// <summary>Allocates page-locked host memory, from which <see cref="Upload"/> does not wait.</summary>
    /// <exception cref="GpuOutOfMemoryException">There is not enough.</exception>
    nint AllocatePinned(long bytes);

    /// <summary>Frees memory of <see cref="AllocatePinned"/>.</summary>
    void FreePinned(nint pointer);

    /// <summary>Queues a copy from host memory. Pageable memory has been read when this returns; pinned memory must stay as it is until the copy has run.</summary>
    unsafe void Upload(byte* source, DevicePointer destination, long bytes, GpuStream stream);

    /// <summary>Copies to host memory, after all that was queued in <see cref="GpuStream.Compute"/>; done when this returns.</summary>
    unsafe void Download(DevicePointer source, byte* destination, long bytes);

    /// <summary>Queues a copy within the device, in <see cref="GpuStream.Compute"/>.</summary>
    void Copy(DevicePointer source, DevicePointer destination, long bytes);

    /// <summary>Queues filling with zero bytes, in <see cref="GpuStream.Compute"/>.</summary>
    void Clear(DevicePointer destination, long bytes);

    /// <summary>Queues a kernel in <see cref="GpuStream.Compute"/>.</summary>
    void Launch(GpuKernel kernel, int gridX, int gridY, ReadOnlySpan<KernelArgument> arguments);

    /// <summary>Marks the end of what <paramref name="stream"/> holds now.</summary>
    GpuEvent Record(GpuStream stream);

    /// <summary>Makes what is queued to <paramref name="stream"/> from now on wait for a moment of the other queue. Each event may be waited for once.</summary>
    void Wait(GpuStream stream, GpuEvent moment);

    /// <summary>Waits for both queues.</summary>
    /// <exception cref="GpuException">Something queued before has failed.</exception>
    void Synchronize();

    /// <summary>Waits for everything that anyone in the process has queued on the device, llama.cpp included.</summary>
    /// <exception cref="GpuException">Something of it failed.</exception>
    void WaitForOthers();
}
