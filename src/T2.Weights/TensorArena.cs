namespace T2.Weights;

/// <summary>
/// Memory for all rebuilt weights of one expert: one block, one after the other, freed as one. Small weights too lie in huge pages that way, and nothing is
/// left behind by the ten thousandth switch. It lies in host memory, or on an accelerator. Not thread-safe.
/// </summary>
public sealed unsafe class TensorArena : IDisposable
{
    // A cache line, and more than any CPU kernel of ggml asks for (TENSOR_ALIGNMENT 32).
    private const int Alignment = 64;

    private byte* _start;
    private long _used;
    private byte* _scratch;
    private long _scratchLength;
    private GgmlExports? _ggml;
    private nint _buffer;
    private readonly IDisposable? _owner;

    /// <summary>Allocates an arena.</summary>
    /// <param name="length">Bytes needed, as <see cref="LengthFor"/> sums them.</param>
    /// <param name="device">Where; null = host memory.</param>
    /// <exception cref="InsufficientMemoryException">There is no memory for it.</exception>
    public TensorArena(long length, ITensorDevice? device = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        Device = device;
        Length = device is null ? HugePages.Rounded(length) : length;
        if (Length > 0)
            _start = device is null ? HugePages.Allocate(Length) : (byte*)device.Allocate(Length);
    }

    private TensorArena(byte* start, long length, IDisposable owner)
    {
        _start = start;
        Length = length;
        _used = length;
        _owner = owner;
    }

    /// <summary>An arena over memory that holds versions already, such as a mapped file: nothing can be added.</summary>
    /// <param name="start">The first byte.</param>
    /// <param name="length">Bytes.</param>
    /// <param name="owner">Disposed with the arena: it gives the memory back.</param>
    public static TensorArena Over(byte* start, long length, IDisposable owner)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentNullException.ThrowIfNull(owner);
        return new TensorArena(start, length, owner);
    }

    /// <summary>The accelerator it lies on; null = host memory.</summary>
    public ITensorDevice? Device { get; }

    /// <summary>Whether versions can be made in it.</summary>
    public bool IsWritable => _owner is null;

    /// <summary>Bytes of memory it takes.</summary>
    public long Length { get; }

    /// <summary>Whether it has been freed.</summary>
    public bool IsDisposed { get; private set; }

    /// <summary>Bytes an arena needs for blocks of these lengths.</summary>
    public static long LengthFor(IEnumerable<long> lengths)
    {
        ArgumentNullException.ThrowIfNull(lengths);
        return lengths.Sum(Padded);
    }

    /// <summary>Forgets what lies in it, so that it can be filled again: its pages stay.</summary>
    /// <exception cref="ObjectDisposedException">It has been freed.</exception>
    public void Clear()
    {
        ObjectDisposedException.ThrowIf(IsDisposed, this);
        if (!IsWritable)
            throw new InvalidOperationException("The arena lies over memory of another's.");
        _used = 0;
    }

    /// <summary>To be called when it is filled: frees the working memory, and moves to huge pages what could not be there from the start.</summary>
    public void Seal()
    {
        FreeScratch();
        if (_start != null && Device is null)
            HugePages.Collapse(_start, Length);
    }

    /// <summary>Frees the memory. No tensor may show a version in it.</summary>
    public void Dispose()
    {
        if (IsDisposed)
            return;
        IsDisposed = true;
        FreeScratch();
        _ggml?.FreeBuffer(_buffer);
        if (_owner is not null)
            _owner.Dispose();
        else if (Device is null)
            HugePages.Free(_start, Length);
        else if (_start != null)
            Device.Free((nint)_start);
        _start = null;
    }

    /// <summary>The next block: aligned to a cache line, its bytes undefined, an address of the device's where it lies on one, usable until <see cref="Clear"/> or <see cref="Dispose"/>.</summary>
    /// <param name="length">Bytes.</param>
    /// <exception cref="InvalidOperationException">The arena is full.</exception>
    /// <exception cref="ObjectDisposedException">It has been freed.</exception>
    public byte* Take(long length)
    {
        ObjectDisposedException.ThrowIf(IsDisposed, this);
        if (Padded(length) > Length - _used)
            throw new InvalidOperationException($"An arena of {Length} bytes, {_used} of them taken, has no room for {length} more.");
        byte* block = _start + _used;
        _used += Padded(length);
        return block;
    }

    /// <summary>Working memory on the host, of at least a length, until <see cref="Seal"/>.</summary>
    internal byte* Scratch(long length)
    {
        ObjectDisposedException.ThrowIf(IsDisposed, this);
        if (length > _scratchLength)
        {
            FreeScratch();
            _scratch = HugePages.Allocate(HugePages.Rounded(length));
            _scratchLength = HugePages.Rounded(length);
        }
        return _scratch;
    }

    /// <summary>The arena as a plain CPU buffer of ggml's.</summary>
    internal nint Buffer(GgmlExports ggml)
    {
        ObjectDisposedException.ThrowIf(IsDisposed, this);
        if (_ggml is null)
        {
            _buffer = ggml.WrapHost(_start, Length);
            _ggml = ggml;
        }
        return _buffer;
    }

    private static long Padded(long length) => checked(length + Alignment - 1) / Alignment * Alignment;

    private void FreeScratch()
    {
        HugePages.Free(_scratch, _scratchLength);
        _scratch = null;
        _scratchLength = 0;
    }
}
