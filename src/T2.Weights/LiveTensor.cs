using T2.Gguf;

namespace T2.Weights;

/// <summary>
/// One weight of a loaded model, and the one place where what it computes with changes. Not thread-safe: the caller sees to it that no decode runs on any
/// context of the model during <see cref="Show"/>.
/// </summary>
public sealed unsafe class LiveTensor
{
    private readonly void* _tensor;
    private readonly byte* _pristine;
    private readonly nint _baseData;
    private readonly GgmlExports _ggml;

    internal LiveTensor(string name, GgufTensor stored, TensorStorage storage, string bufferName, void* tensor, byte* pristine, GgmlExports ggml)
    {
        Name = name;
        Stored = stored;
        Storage = storage;
        BufferName = bufferName;
        _tensor = tensor;
        _pristine = pristine;
        _ggml = ggml;
        _baseData = GgmlTensorLayout.Data(tensor);
        LiveLength = storage == TensorStorage.Repacked ? ggml.AllocationSize(GgmlTensorLayout.Buffer(tensor), tensor) : stored.ByteLength;
    }

    /// <summary>The weight's GGUF name.</summary>
    public string Name { get; }

    /// <summary>Type, shape and size, the same live as in the file.</summary>
    public GgufTensor Stored { get; }

    /// <summary>Where the base's bytes are.</summary>
    public TensorStorage Storage { get; }

    /// <summary>ggml's name of the buffer, for reports.</summary>
    public string BufferName { get; }

    /// <summary>Bytes a version of the weight takes in the layout the model computes with.</summary>
    public long LiveLength { get; }

    /// <summary>Whether the live bytes can be compared with the file's; repacked and device tensors cannot.</summary>
    public bool IsReadable => Storage is TensorStorage.Mapped or TensorStorage.Host;

    /// <summary>The version the model computes with; null = the base.</summary>
    public TensorVersion? Shown { get; private set; }

    /// <summary>
    /// The base's bytes, in GGUF layout: where the model itself has them if that can be read, so that they need not be in memory a second time; else in the
    /// file. Valid while both are open.
    /// </summary>
    public ReadOnlySpan<byte> Pristine => new(IsReadable ? (void*)_baseData : _pristine, checked((int)Stored.ByteLength));

    /// <summary>To be called when <see cref="Pristine"/> has been read: lets go of memory that only a second look at the file took.</summary>
    public void ReleasePristine()
    {
        if (!IsReadable)
            MappedPages.Release(_pristine, Stored.ByteLength);
    }

    /// <summary>The bytes the model computes with now.</summary>
    /// <exception cref="InvalidOperationException">The storage cannot be read back (<see cref="IsReadable"/>).</exception>
    public ReadOnlySpan<byte> Live
    {
        get
        {
            RequireReadable();
            return new((void*)GgmlTensorLayout.Data(_tensor), checked((int)Stored.ByteLength));
        }
    }

    /// <summary>Makes the model compute with <paramref name="version"/>, or with the base where it is null. A pointer write on a CPU, an upload on a device.</summary>
    /// <exception cref="ArgumentException">The version is another tensor's.</exception>
    /// <exception cref="ObjectDisposedException">The version is no longer there.</exception>
    public void Show(TensorVersion? version)
    {
        if (ReferenceEquals(version, Shown))
            return;
        if (version is not null)
        {
            if (!ReferenceEquals(version.Tensor, this))
                throw new ArgumentException($"The version is one of '{version.Tensor.Name}', not of '{Name}'.", nameof(version));
            ObjectDisposedException.ThrowIf(version.Arena.IsDisposed, version);
        }
        if (Storage == TensorStorage.Device)
        {
            _ggml.SetWhole(_tensor, version is null ? _pristine : version.Bytes, Stored.ByteLength);
            if (version is null)
                ReleasePristine();
        }
        else
            GgmlTensorLayout.Data(_tensor) = version is null ? _baseData : (nint)version.Bytes;
        Shown = version;
    }

    /// <summary>Makes a version of the weight without touching the live one.</summary>
    /// <param name="arena">Where its bytes go: <see cref="LiveLength"/> of them. They are gone when the arena is.</param>
    /// <param name="fill">Writes the new bytes, in GGUF layout and <see cref="Stored"/>'s type, into the span it is given (<see cref="GgufTensor.ByteLength"/> bytes).</param>
    /// <exception cref="InvalidOperationException">The arena is full.</exception>
    /// <exception cref="InsufficientMemoryException">There is no memory for what repacking takes.</exception>
    public TensorVersion CreateVersion(TensorArena arena, TensorFill fill)
    {
        ArgumentNullException.ThrowIfNull(arena);
        ArgumentNullException.ThrowIfNull(fill);
        int length = checked((int)Stored.ByteLength);
        byte* live = arena.Take(LiveLength);
        if (Storage != TensorStorage.Repacked)
        {
            fill(new Span<byte>(live, length));
        }
        else
        {
            byte* staging = arena.Scratch(length);
            fill(new Span<byte>(staging, length));
            Repack(staging, live);
        }
        return new TensorVersion(this, arena, live);
    }

    /// <summary>Whether the live bytes equal the file's.</summary>
    /// <exception cref="InvalidOperationException">The storage cannot be read back (<see cref="IsReadable"/>).</exception>
    public bool IsPristine()
    {
        RequireReadable();
        const int Chunk = 4 << 20;
        for (long offset = 0; offset < Stored.ByteLength; offset += Chunk)
        {
            int length = (int)Math.Min(Chunk, Stored.ByteLength - offset);
            if (!LiveEqualsFile(offset, length))
                return false;
            MappedPages.Release(_pristine + offset, length);
        }
        return true;
    }

    /// <summary>Compares the first, middle and last few kilobytes: enough to see that this is the file's tensor without reading the whole file at load.</summary>
    internal bool SampleIsPristine()
    {
        int length = (int)Math.Min(4096, Stored.ByteLength);
        return LiveEqualsFile(0, length) && LiveEqualsFile((Stored.ByteLength - length) / 2, length) && LiveEqualsFile(Stored.ByteLength - length, length);
    }

    /// <summary>
    /// Has ggml repack GGUF bytes into memory of ours, by giving it a copy of the tensor's struct that points there. The buffer's set function writes to
    /// <c>tensor->data</c> in the layout that <c>tensor->extra</c> says; the live tensor is not involved.
    /// </summary>
    private void Repack(byte* source, byte* destination)
    {
        byte* copy = stackalloc byte[GgmlTensorLayout.Size];
        Buffer.MemoryCopy(_tensor, copy, GgmlTensorLayout.Size, GgmlTensorLayout.Size);
        GgmlTensorLayout.Data(copy) = (nint)destination;
        _ggml.SetWhole(copy, source, Stored.ByteLength);
    }

    private void RequireReadable()
    {
        if (!IsReadable)
            throw new InvalidOperationException($"Weight '{Name}' lies in '{BufferName}', which cannot be read back.");
    }

    private bool LiveEqualsFile(long offset, int length)
    {
        byte* live = (byte*)GgmlTensorLayout.Data(_tensor);
        return new ReadOnlySpan<byte>(live + offset, length).SequenceEqual(new ReadOnlySpan<byte>(_pristine + offset, length));
    }
}

/// <summary>Writes a weight's new bytes.</summary>
/// <param name="destination">Where to, in GGUF layout.</param>
public delegate void TensorFill(Span<byte> destination);
