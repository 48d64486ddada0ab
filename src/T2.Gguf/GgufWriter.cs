using System.Text;

namespace T2.Gguf;

/// <summary>Collects metadata and tensors, then writes a GGUF version 3 file. Tensor data given as callbacks are streamed, never held together in memory.</summary>
public sealed class GgufWriter
{
    private readonly int _alignment;
    private readonly OrderedDictionary<string, GgufValue> _metadata = [];
    private readonly OrderedDictionary<string, PendingTensor> _tensors = [];

    private sealed record PendingTensor(byte[] Name, TensorType Type, long[] Dimensions, long ByteLength, Action<Stream> Write);

    /// <summary>Makes an empty writer.</summary>
    /// <param name="alignment">Alignment of tensor data in bytes, a power of two up to 1 MiB. Written to the metadata if not 32, the default of the format.</param>
    public GgufWriter(int alignment = GgufFormat.DefaultAlignment)
    {
        if (!GgufFormat.IsValidAlignment((uint)alignment))
            throw new ArgumentOutOfRangeException(nameof(alignment), alignment, $"Alignment must be a power of two up to {GgufFormat.MaxAlignment}.");
        _alignment = alignment;
        if (alignment != GgufFormat.DefaultAlignment)
            _metadata.Add(GgufFormat.AlignmentKey, (uint)alignment);
    }

    /// <summary>Sets a metadata value. Keys are written in the order of their first setting.</summary>
    /// <exception cref="ArgumentException">The key is empty or not valid UTF-16, or is <c>general.alignment</c> with another value than this writer's.</exception>
    public void SetMetadata(string key, GgufValue value)
    {
        ArgumentException.ThrowIfNullOrEmpty(key);
        ArgumentNullException.ThrowIfNull(value);
        _ = StrictUtf8.GetBytes(key);
        if (key == GgufFormat.AlignmentKey && !value.Equals((uint)_alignment))
            throw new ArgumentException($"{GgufFormat.AlignmentKey} is {value} but the writer aligns to {_alignment}; give the alignment to its constructor.", nameof(value));
        _metadata[key] = value;
    }

    /// <summary>Sets every value of <paramref name="metadata"/>, as <see cref="SetMetadata"/> would.</summary>
    public void CopyMetadata(GgufMetadata metadata)
    {
        ArgumentNullException.ThrowIfNull(metadata);
        foreach (var (key, value) in metadata)
            SetMetadata(key, value);
    }

    /// <summary>Adds a tensor whose data are at hand.</summary>
    /// <param name="name">Unique, at most 63 bytes of UTF-8.</param>
    /// <param name="type">Element type.</param>
    /// <param name="dimensions">1 to 4 sizes, the contiguous one first.</param>
    /// <param name="data">The bytes; read when the file is written, so they must not change before.</param>
    /// <exception cref="ArgumentException">The name is unusable or taken, the shape impossible, or the data of the wrong length.</exception>
    public void AddTensor(string name, TensorType type, ReadOnlySpan<long> dimensions, ReadOnlyMemory<byte> data)
    {
        Add(name, type, dimensions, stream => stream.Write(data.Span), data.Length);
    }

    /// <summary>Adds a tensor whose data are written by a callback, once per <see cref="WriteTo(string)"/>.</summary>
    /// <param name="name">Unique, at most 63 bytes of UTF-8.</param>
    /// <param name="type">Element type.</param>
    /// <param name="dimensions">1 to 4 sizes, the contiguous one first.</param>
    /// <param name="write">Writes exactly the tensor's bytes to the stream.</param>
    /// <exception cref="ArgumentException">The name is unusable or taken, or the shape impossible.</exception>
    public void AddTensor(string name, TensorType type, ReadOnlySpan<long> dimensions, Action<Stream> write)
    {
        ArgumentNullException.ThrowIfNull(write);
        Add(name, type, dimensions, write, givenLength: null);
    }

    /// <summary>Writes the file atomically: it appears whole under its name, or not at all.</summary>
    /// <exception cref="IOException">Writing failed.</exception>
    /// <exception cref="UnauthorizedAccessException">The directory may not be written to, or <paramref name="path"/> is a directory.</exception>
    /// <exception cref="InvalidOperationException">A callback wrote fewer or more bytes than its tensor has.</exception>
    public void WriteTo(string path) => AtomicFile.Write(path, WriteTo);

    /// <summary>Writes the file's bytes to a stream, from its current position on.</summary>
    /// <exception cref="InvalidOperationException">A callback wrote fewer or more bytes than its tensor has.</exception>
    public void WriteTo(Stream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        var head = BuildHead();
        stream.Write(head);
        foreach (var (name, tensor) in _tensors)
        {
            using var data = new TensorDataStream(stream, tensor.ByteLength, name);
            tensor.Write(data);
            data.EnsureComplete();
            WritePadding(stream, tensor.ByteLength);
        }
    }

    private void Add(string name, TensorType type, ReadOnlySpan<long> dimensions, Action<Stream> write, long? givenLength)
    {
        ArgumentNullException.ThrowIfNull(name);
        var nameBytes = StrictUtf8.GetBytes(name);
        if (GgufFormat.NameProblem(nameBytes) is { } nameProblem)
            throw new ArgumentException($"The tensor name \"{name}\" {nameProblem}.", nameof(name));
        if (!GgufFormat.TryGetByteLength(TensorTypes.Info(type), dimensions, out var byteLength, out var problem))
            throw new ArgumentException($"Tensor \"{name}\" has {problem}.", nameof(dimensions));
        if (givenLength is { } given && given != byteLength)
            throw new ArgumentException($"Tensor \"{name}\" takes {byteLength} bytes, but {given} were given.", nameof(givenLength));
        if (!_tensors.TryAdd(name, new PendingTensor(nameBytes, type, dimensions.ToArray(), byteLength, write)))
            throw new ArgumentException($"Tensor \"{name}\" has been added already.", nameof(name));
    }

    /// <summary>Header, metadata and tensor table, padded to where the data start. Small beside the data, so built in memory.</summary>
    private byte[] BuildHead()
    {
        using var head = new MemoryStream();
        using var writer = new BinaryWriter(head, Encoding.UTF8);
        writer.Write(GgufFormat.Magic);
        writer.Write(GgufFormat.Version);
        writer.Write((ulong)_tensors.Count);
        writer.Write((ulong)_metadata.Count);
        foreach (var (key, value) in _metadata)
        {
            WriteString(writer, StrictUtf8.GetBytes(key));
            writer.Write((uint)value.Type);
            if (value.IsArray)
            {
                writer.Write((uint)value.ElementType);
                writer.Write((ulong)value.Count);
            }
            if (value.Type == GgufValueType.String)
                writer.Write((ulong)value.Payload.Length);
            writer.Write(value.Payload);
        }
        var offset = 0L;
        foreach (var tensor in _tensors.Values)
        {
            WriteString(writer, tensor.Name);
            writer.Write((uint)tensor.Dimensions.Length);
            foreach (var size in tensor.Dimensions)
                writer.Write(size);
            writer.Write((uint)tensor.Type);
            writer.Write(offset);
            offset = checked(offset + GgufFormat.Pad(tensor.ByteLength, _alignment));
        }
        writer.Flush();
        WritePadding(head, head.Length);
        return head.ToArray();
    }

    private void WritePadding(Stream stream, long written)
    {
        Span<byte> zeros = stackalloc byte[32];
        zeros.Clear();
        for (var rest = GgufFormat.Pad(written, _alignment) - written; rest > 0; rest -= Math.Min(rest, zeros.Length))
            stream.Write(zeros[..(int)Math.Min(rest, zeros.Length)]);
    }

    private static void WriteString(BinaryWriter writer, ReadOnlySpan<byte> utf8)
    {
        writer.Write((ulong)utf8.Length);
        writer.Write(utf8);
    }
}
