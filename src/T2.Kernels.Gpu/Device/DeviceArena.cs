namespace T2.Kernels.Gpu;

/// <summary>
/// A block of device memory that one job after the other divides among its buffers. Freeing waits for the device; jobs that share a block follow each other
/// without waiting, for the queue keeps their order.
/// </summary>
/// <param name="block">Start, aligned to 256 bytes.</param>
/// <param name="bytes">Length.</param>
internal sealed class DeviceArena(DevicePointer block, long bytes) : IDeviceMemory
{
    private const int Alignment = 256;

    private long _used;

    /// <summary>Bytes that <paramref name="size"/> bytes take of a block.</summary>
    public static long Aligned(long size) => (size + Alignment - 1) / Alignment * Alignment;

    /// <inheritdoc/>
    /// <exception cref="GpuOutOfMemoryException">The block is too small for the job.</exception>
    public DevicePointer Allocate(long size)
    {
        if (Aligned(size) > bytes - _used)
            throw new GpuOutOfMemoryException($"A work space of {ByteSize.Format(bytes)} has no room for {ByteSize.Format(size)} after {ByteSize.Format(_used)}.");
        var pointer = block + _used;
        _used += Aligned(size);
        return pointer;
    }

    /// <summary>Ends a job: the block is whole again.</summary>
    public void Dispose() => _used = 0;
}
