using System.Buffers;

namespace T2.Kernels;

/// <summary>A stretch of a <see cref="MappedFile"/> as <see cref="Memory{T}"/>. To be handed out as read-only: the pages are.</summary>
internal sealed unsafe class MappedMemory<T>(MappedFile file, long offset, int length) : MemoryManager<T>
    where T : unmanaged
{
    private T* Start => (T*)(file.Start + offset);

    public override Span<T> GetSpan() => new(Start, length);

    public override MemoryHandle Pin(int elementIndex = 0)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)elementIndex, (uint)length, nameof(elementIndex));
        var start = Start + elementIndex;
        file.AddReference();
        return new MemoryHandle(start, pinnable: this);
    }

    public override void Unpin() => file.ReleaseReference();

    /// <summary>Nothing: the file owns the mapping.</summary>
    protected override void Dispose(bool disposing)
    {
    }
}
