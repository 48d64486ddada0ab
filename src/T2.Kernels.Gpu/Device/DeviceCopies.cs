using System.Runtime.InteropServices;

namespace T2.Kernels.Gpu;

/// <summary>Copies of spans to and from a device.</summary>
public static unsafe class DeviceCopies
{
    /// <summary>Queues a copy of <paramref name="source"/> in <see cref="GpuStream.Compute"/>; the span may be reused when this returns.</summary>
    public static void Upload<T>(this IGpuDevice device, ReadOnlySpan<T> source, DevicePointer destination)
        where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(device);
        var bytes = MemoryMarshal.AsBytes(source);
        fixed (byte* from = bytes)
            device.Upload(from, destination, bytes.Length, GpuStream.Compute);
    }

    /// <summary>Fills <paramref name="destination"/> from device memory, after all that was queued before.</summary>
    public static void Download<T>(this IGpuDevice device, DevicePointer source, Span<T> destination)
        where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(device);
        var bytes = MemoryMarshal.AsBytes(destination);
        fixed (byte* to = bytes)
            device.Download(source, to, bytes.Length);
    }
}
