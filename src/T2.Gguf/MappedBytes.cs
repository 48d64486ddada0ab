using System.Buffers;

namespace T2.Gguf;

/// <summary>
/// A large metadata value where it lies in the mapped file. llama.cpp keeps a vocabulary of its own, so that most programs never look at the file's: copied, it
/// would take megabytes for nothing. Becomes a copy when the file is closed.
/// </summary>
/// <param name="mapping">What unmaps the file when nobody refers to it any more.</param>
/// <param name="start">The first byte.</param>
/// <param name="length">Bytes.</param>
internal sealed unsafe class MappedBytes(object mapping, byte* start, int length) : MemoryManager<byte>
{
    private byte[]? _copy;

    /// <inheritdoc/>
    public override Span<byte> GetSpan()
    {
        GC.KeepAlive(mapping);
        return Volatile.Read(ref _copy) ?? new Span<byte>(start, length);
    }

    /// <inheritdoc/>
    public override MemoryHandle Pin(int elementIndex = 0) => throw new NotSupportedException("Metadata is never pinned.");

    /// <inheritdoc/>
    public override void Unpin() => throw new NotSupportedException("Metadata is never pinned.");

    /// <summary>To be called before the file is unmapped: values may outlive it.</summary>
    internal void Detach() => Volatile.Write(ref _copy, new Span<byte>(start, length).ToArray());

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
    }
}
