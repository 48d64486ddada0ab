using T2.Gguf;

namespace T2.Weights;

/// <summary>
/// One weight of a loaded model, and the one place where what it computes with changes. Not thread-safe: the caller sees to it that no decode runs on any
/// context of the model during <see cref="Show"/>.
/// </summary>
public sealed unsafe class LiveTensor
{
    private const int SampleLength = 4096;

    private readonly void* _tensor;
    private readonly byte* _pristine;
    private readonly TensorHead _base;
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
        _base = GgmlTensorLayout.ReadHead(tensor);
        LiveLength = storage == TensorStorage.Repacked ? ggml.AllocationSize(GgmlTensorLayout.Buffer(tensor), tensor) : stored.ByteLength;
    }

    /// <summary>The weight's GGUF name.</summary>
    public string Name { get; }

    /// <summary>Type, shape and size in the file; the base's, live.</summary>
    public GgufTensor Stored { get; }

    /// <summary>Where the base's bytes are.</summary>
    public TensorStorage Storage { get; }

    /// <summary>ggml's name of the buffer, for reports.</summary>
    public string BufferName { get; }

    /// <summary>The accelerator that overwrites it where it is; null = its bytes come from the host.</summary>
    public ITensorDevice? Device { get; private set; }

    /// <summary>Address of the bytes the model computes with, the device's where it lies on one.</summary>
    public nint Address => GgmlTensorLayout.Data(_tensor);

    /// <summary>Address of the base's bytes on <see cref="Device"/>; 0 = they come from the file.</summary>
    public nint KeptBase { get; private set; }

    /// <summary>Bytes a version of the weight takes in its own type and the layout the model computes with.</summary>
    public long LiveLength { get; }

    /// <summary>The type the model computes with now.</summary>
    public TensorType LiveType => Shown?.Type ?? Stored.Type;

    /// <summary>Bytes a version takes in a type.</summary>
    /// <param name="type">A type that <see cref="CanBe"/> allows.</param>
    public long LengthAs(TensorType type) =>
        type == Stored.Type ? LiveLength : checked(TensorTypes.Info(type).BytesFor(Stored.Dimensions[0]) * (Stored.ByteLength / TensorTypes.Info(Stored.Type).BytesFor(Stored.Dimensions[0])));

    /// <summary>
    /// Whether a version may be of a type: the weight's own, or, where only CPUs compute, another one whose blocks divide its rows. Graphs that a GPU has a
    /// part in copy weights by the type they had when the graph was planned, and llama.cpp may run a graph again.
    /// </summary>
    public bool CanBe(TensorType type) =>
        type == Stored.Type
        || (Storage != TensorStorage.Device && _ggml.HasOnlyCpus && TensorTypes.Info(type).CanRebuild && Stored.Dimensions[0] % TensorTypes.Info(type).BlockLength == 0);

    /// <summary>Whether the live bytes can be compared with the file's; repacked and device tensors cannot.</summary>
    public bool IsReadable => Storage is TensorStorage.Mapped or TensorStorage.Host;

    /// <summary>The version the model computes with; null = the base.</summary>
    public TensorVersion? Shown { get; private set; }

    /// <summary>
    /// The base's bytes, in GGUF layout: where the model itself has them if that can be read, so that they need not be in memory a second time; else in the
    /// file. Valid while both are open.
    /// </summary>
    public ReadOnlySpan<byte> Pristine => new(IsReadable ? (void*)_base.Data : _pristine, checked((int)Stored.ByteLength));

    /// <summary>To be called when <see cref="Pristine"/> has been read: lets go of memory that only a second look at the file took.</summary>
    public void ReleasePristine()
    {
        if (!IsReadable)
            MappedPages.Release(_pristine, Stored.ByteLength);
    }

    /// <summary>
    /// Lets go of the base's own pages where they are mapped, while an expert takes the weight's place: the next decode on the base gets them back from the
    /// system's file cache. So rebuilding a model takes the memory of what is rebuilt from what it replaces.
    /// </summary>
    public void ReleaseBase()
    {
        if (Storage == TensorStorage.Mapped)
            MappedPages.Release((byte*)_base.Data, Stored.ByteLength);
    }

    /// <summary>The bytes the model computes with now, of <see cref="LiveType"/>.</summary>
    /// <exception cref="InvalidOperationException">The storage cannot be read back (<see cref="IsReadable"/>).</exception>
    public ReadOnlySpan<byte> Live
    {
        get
        {
            if (Shown is null || Shown.Type == Stored.Type)
                RequireReadable();
            return new((void*)GgmlTensorLayout.Data(_tensor), checked((int)LengthAs(LiveType)));
        }
    }

    /// <summary>Hands the weight to an accelerator, on whose memory it must lie, with the base's bytes in it.</summary>
    /// <param name="device">The accelerator.</param>
    /// <exception cref="InvalidOperationException">It lies elsewhere, or is not on its base.</exception>
    /// <exception cref="WeightAccessException">The device has other bytes there than the file.</exception>
    public void Attach(ITensorDevice device)
    {
        ArgumentNullException.ThrowIfNull(device);
        if (Storage != TensorStorage.Device || Shown is not null)
            throw new InvalidOperationException($"Weight '{Name}' in '{BufferName}' cannot be handed to {device.Name}.");
        Span<byte> live = stackalloc byte[(int)Math.Min(SampleLength, Stored.ByteLength)];
        foreach (long offset in SampleOffsets())
        {
            device.Download(Address + (nint)offset, live);
            if (!live.SequenceEqual(new ReadOnlySpan<byte>(_pristine + offset, live.Length)))
                throw new WeightAccessException($"Weight '{Name}' on {device.Name} does not hold the file's bytes.");
        }
        Device = device;
    }

    /// <summary>Says where <see cref="Device"/> has a copy of the base's bytes, from which the base is then restored.</summary>
    public void KeepBase(nint address) => KeptBase = address;

    /// <summary>
    /// Makes the model compute with <paramref name="version"/>, or with the base where it is null. A pointer write on a CPU; a copy on a device, which has run
    /// when <see cref="ITensorDevice.Finish"/> returns.
    /// </summary>
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
            Overwrite(version);
        else
            GgmlTensorLayout.WriteHead(_tensor, version is null ? _base : HeadOf(version));
        Shown = version;
    }

    /// <summary>Writes the base's bytes, whatever is shown: for when a device's work has failed, and with it what is known of its memory.</summary>
    public void Restore()
    {
        if (Storage == TensorStorage.Device)
            Overwrite(null);
        else
            GgmlTensorLayout.WriteHead(_tensor, _base);
        Shown = null;
    }

    /// <summary>Makes a version of the weight without touching the live one.</summary>
    /// <param name="arena">Where its bytes go: <see cref="LengthAs"/> of them. They are gone when the arena is.</param>
    /// <param name="type">The version's type, one that <see cref="CanBe"/> allows.</param>
    /// <param name="fill">Writes the new bytes, in GGUF layout and that type, into the span it is given.</param>
    /// <exception cref="ArgumentException">The version may not be of that type.</exception>
    /// <exception cref="InvalidOperationException">The arena is full.</exception>
    /// <exception cref="InsufficientMemoryException">There is no memory for what repacking takes.</exception>
    public TensorVersion CreateVersion(TensorArena arena, TensorType type, TensorFill fill)
    {
        ArgumentNullException.ThrowIfNull(arena);
        ArgumentNullException.ThrowIfNull(fill);
        if (!CanBe(type))
            throw new ArgumentException($"Weight '{Name}' in '{BufferName}' cannot be of type {type}.", nameof(type));
        byte* live = arena.Take(LengthAs(type));
        if (arena.Device is { } device)
        {
            var staging = new Span<byte>(arena.Scratch(Stored.ByteLength), checked((int)Stored.ByteLength));
            fill(staging);
            device.Upload(staging, (nint)live);
        }
        else if (HasFileLayout(type))
        {
            fill(new Span<byte>(live, checked((int)LengthAs(type))));
        }
        else
        {
            byte* staging = arena.Scratch(Stored.ByteLength);
            fill(new Span<byte>(staging, checked((int)Stored.ByteLength)));
            Repack(staging, live);
        }
        return new TensorVersion(this, type, arena, live);
    }

    /// <summary>Makes a version of the weight on its device without touching the live one.</summary>
    /// <param name="arena">Where on the device its bytes go. They are gone when the arena is.</param>
    /// <param name="fill">Has the device write them, in the weight's own type, at the address it is given.</param>
    /// <exception cref="ArgumentException">The arena lies elsewhere.</exception>
    /// <exception cref="InvalidOperationException">The arena is full.</exception>
    public TensorVersion CreateVersion(TensorArena arena, Action<nint> fill)
    {
        ArgumentNullException.ThrowIfNull(arena);
        ArgumentNullException.ThrowIfNull(fill);
        if (Device is null || !ReferenceEquals(arena.Device, Device))
            throw new ArgumentException($"The arena does not lie where weight '{Name}' does.", nameof(arena));
        byte* bytes = arena.Take(LiveLength);
        fill((nint)bytes);
        return new TensorVersion(this, Stored.Type, arena, bytes);
    }

    /// <summary>A version that is the live bytes themselves: its device writes them after it is shown, and nothing else keeps them.</summary>
    /// <param name="arena">An arena that is disposed when another version is shown.</param>
    public TensorVersion VersionInPlace(TensorArena arena)
    {
        ArgumentNullException.ThrowIfNull(arena);
        return Device is null
            ? throw new InvalidOperationException($"Weight '{Name}' lies on no device.")
            : new TensorVersion(this, Stored.Type, arena, (byte*)Address);
    }

    /// <summary>Whether a version of a type has the bytes that GGUF files have; a repacked weight's own type has not.</summary>
    public bool HasFileLayout(TensorType type) => type != Stored.Type || Storage != TensorStorage.Repacked;

    /// <summary>A version whose bytes are there already.</summary>
    /// <param name="arena">What they lie in.</param>
    /// <param name="type">The version's type, one that <see cref="CanBe"/> and <see cref="HasFileLayout"/> allow.</param>
    /// <param name="bytes">The first of <see cref="LengthAs"/> bytes, aligned to 32.</param>
    /// <exception cref="ArgumentException">The version may not be of that type.</exception>
    public TensorVersion VersionAt(TensorArena arena, TensorType type, byte* bytes)
    {
        ArgumentNullException.ThrowIfNull(arena);
        if (!CanBe(type) || !HasFileLayout(type))
            throw new ArgumentException($"Weight '{Name}' in '{BufferName}' cannot be of type {type} as a file has it.", nameof(type));
        return new TensorVersion(this, type, arena, bytes);
    }

    /// <summary>Whether the live bytes equal the file's.</summary>
    /// <exception cref="InvalidOperationException">The storage cannot be read back (<see cref="IsReadable"/>).</exception>
    public bool IsPristine()
    {
        RequireReadable();
        if (LiveType != Stored.Type)
            return false;
        const int Chunk = 256 << 10;
        for (long offset = 0; offset < Stored.ByteLength; offset += Chunk)
        {
            int length = (int)Math.Min(Chunk, Stored.ByteLength - offset);
            if (!LiveEqualsFile(offset, length))
                return false;
            // From the start: reading a page maps its neighbours too, some of them let go of before.
            MappedPages.Release(_pristine, offset + length);
        }
        return true;
    }

    /// <summary>Compares the first, middle and last few kilobytes: enough to see that this is the file's tensor without reading the whole file at load.</summary>
    internal bool SampleIsPristine()
    {
        int length = (int)Math.Min(SampleLength, Stored.ByteLength);
        return SampleOffsets().All(offset => LiveEqualsFile(offset, length));
    }

    private long[] SampleOffsets()
    {
        long length = Math.Min(SampleLength, Stored.ByteLength);
        return [0, (Stored.ByteLength - length) / 2, Stored.ByteLength - length];
    }

    private void Overwrite(TensorVersion? version)
    {
        byte* host = version is null ? _pristine : version.Bytes;
        nint onDevice = version is null ? KeptBase : version.Arena.Device is null ? 0 : (nint)version.Bytes;
        // The file's pages stay: reading them anew at each reset would take twice as long.
        if (Device is null)
            _ggml.SetWhole(_tensor, host, Stored.ByteLength);
        else if (onDevice == 0)
            Device.Upload(new ReadOnlySpan<byte>(host, checked((int)Stored.ByteLength)), Address);
        else if (onDevice != Address)
            Device.Copy(onDevice, Address, Stored.ByteLength);
    }

    private TensorHead HeadOf(TensorVersion version)
    {
        if (version.Type == Stored.Type)
            return _base with { Data = (nint)version.Bytes };
        var info = TensorTypes.Info(version.Type);
        nuint row = (nuint)info.BytesFor(Stored.Dimensions[0]);
        // Rows, matrices and stacks keep their numbers; only the length of a row changes.
        nuint before = _base.Stride1;
        return new TensorHead(
            version.Type, version.Arena.Buffer(_ggml), (nuint)info.BlockBytes, row, _base.Stride2 / before * row, _base.Stride3 / before * row, (nint)version.Bytes, Extra: 0);
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
