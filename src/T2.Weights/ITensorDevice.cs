namespace T2.Weights;

/// <summary>
/// An accelerator in whose memory weights and versions of them lie, so that one takes another's place without passing through the host. Addresses are the
/// device's. Calls may queue work, which runs in order; <see cref="Finish"/> waits for it. Not thread-safe.
/// </summary>
public interface ITensorDevice
{
    /// <summary>What its driver calls it.</summary>
    string Name { get; }

    /// <summary>Device memory, aligned to at least 64 bytes.</summary>
    /// <exception cref="InsufficientMemoryException">There is not enough.</exception>
    nint Allocate(long length);

    /// <summary>Frees memory of <see cref="Allocate"/>.</summary>
    void Free(nint start);

    /// <summary>Copies within the device.</summary>
    void Copy(nint source, nint destination, long length);

    /// <summary>Copies to the device. The source may be reused when this returns.</summary>
    void Upload(ReadOnlySpan<byte> source, nint destination);

    /// <summary>Fills a span from the device, after all that was queued before; done when this returns.</summary>
    void Download(nint source, Span<byte> destination);

    /// <summary>Waits for what was queued.</summary>
    void Finish();
}
