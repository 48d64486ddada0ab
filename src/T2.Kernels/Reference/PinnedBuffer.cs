using System.Buffers;
using CommunityToolkit.HighPerformance.Buffers;

namespace T2.Kernels;

/// <summary>Pooled scratch memory at a fixed address on a cache line's boundary. Its contents are undefined until written.</summary>
internal sealed unsafe class PinnedBuffer<T> : IDisposable
    where T : unmanaged
{
    private const int CacheLine = 64;
    private readonly MemoryOwner<T> _owner;
    private MemoryHandle _pin;

    public PinnedBuffer(long length)
    {
        var total = length + (CacheLine / sizeof(T));
        if (total > Array.MaxLength)
            throw new ArgumentException($"A scratch buffer of {length} values is more than one buffer can hold ({Array.MaxLength}); the matrix is too large for this kernel.");
        Length = (int)length;
        _owner = MemoryOwner<T>.Allocate((int)total);
        _pin = _owner.Memory.Pin();
        Pointer = (T*)(((nuint)_pin.Pointer + CacheLine - 1) & ~(nuint)(CacheLine - 1));
    }

    public T* Pointer { get; }

    public int Length { get; }

    public Span<T> Span => new(Pointer, Length);

    public void Dispose()
    {
        _pin.Dispose();
        _owner.Dispose();
    }
}
