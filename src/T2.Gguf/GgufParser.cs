using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Unicode;

namespace T2.Gguf;

/// <summary>
/// Reads and checks header, metadata and tensor table from the bytes of a file. Nothing is allocated from a count or length
/// before the file is known to hold that many bytes.
/// </summary>
internal unsafe ref struct GgufParser
{
    // Smallest encodings: key of one byte, type, value of one byte; and name of one byte, one dimension.
    private const int MinKeyValueBytes = 8 + 1 + 4 + 1;
    private const int MinTensorBytes = 8 + 1 + 4 + 8 + 4 + 8;

    // Arrays from this size on stay in the file.
    private const int MappedFrom = 64 << 10;

    private readonly object _mapping;
    private readonly byte* _start;
    private readonly long _length;
    private readonly string _path;
    private long _position;

    public GgufParser(object mapping, byte* start, long length, string path)
    {
        _mapping = mapping;
        _start = start;
        _length = length;
        _path = path;
        Metadata = [];
        Tensors = [];
        Mapped = [];
    }

    public OrderedDictionary<string, GgufValue> Metadata { get; }

    public List<GgufTensor> Tensors { get; private set; }

    public List<MappedBytes> Mapped { get; }

    public int Alignment { get; private set; }

    public void Parse()
    {
        var (tensorCount, keyValueCount) = ReadHeader();
        long? alignmentAt = null;
        for (var i = 0L; i < keyValueCount; i++)
        {
            var at = _position;
            if (ReadKeyValue(i) == GgufFormat.AlignmentKey)
                alignmentAt = at;
        }
        Alignment = CheckAlignment(alignmentAt);
        RefuseSplitFiles();
        ReadTensorTable(tensorCount);
    }

    private (long Tensors, long KeyValues) ReadHeader()
    {
        if (_length < 4 || !new ReadOnlySpan<byte>(_start, 4).SequenceEqual(GgufFormat.Magic))
            throw Error(0, $"not a GGUF file: it starts with {Printable(_start, (int)Math.Min(4, _length))} where \"GGUF\" is expected.");
        _position = 4;
        var version = BinaryPrimitives.ReadUInt32LittleEndian(Take(sizeof(uint), "the version"));
        if ((version & 0xFFFF) == 0)
            throw Error(4, $"version reads as {version}: this is a big-endian GGUF file, and T2 reads little-endian ones only.");
        if (version < GgufFormat.Version)
            throw Error(4, $"GGUF version {version} is obsolete; T2 reads version 3. Convert the model again with a current llama.cpp.");
        if (version > GgufFormat.Version)
            throw Error(4, $"GGUF version {version} is newer than this T2, which reads version 3.");
        var tensors = ReadCount("tensor count", MinTensorBytes);
        var keyValues = ReadCount("metadata count", MinKeyValueBytes);
        return (tensors, keyValues);
    }

    private string ReadKeyValue(long index)
    {
        var at = _position;
        var keyBytes = TakeString($"metadata key {index}");
        if (keyBytes.IsEmpty)
            throw Error(at, $"metadata key {index} is empty.");
        var key = Encoding.UTF8.GetString(keyBytes);
        if (Metadata.ContainsKey(key))
            throw Error(at, $"metadata key \"{key}\" appears twice.");
        Metadata.Add(key, ReadValue(key));
        return key;
    }

    private GgufValue ReadValue(string key)
    {
        var at = _position;
        var type = (GgufValueType)ReadUInt32($"the type of metadata key \"{key}\"");
        if (type == GgufValueType.Array)
            return ReadArray(key);
        if (type == GgufValueType.String)
            return new(type, type, 1, TakeString($"the value of metadata key \"{key}\"").ToArray());
        var size = GgufValueTypes.SizeOf(type);
        if (size == 0)
            throw Error(at, $"metadata key \"{key}\" has unknown type {(uint)type}.");
        at = _position;
        var payload = Take(size, $"the value of metadata key \"{key}\"");
        if (type == GgufValueType.Bool)
            CheckBools(payload, at, key);
        return new(type, type, 1, payload.ToArray());
    }

    private GgufValue ReadArray(string key)
    {
        var at = _position;
        var elementType = (GgufValueType)ReadUInt32($"the element type of array \"{key}\"");
        if (elementType == GgufValueType.Array)
            throw Error(at, $"metadata key \"{key}\" is an array of arrays, which GGUF readers do not take.");
        var isText = elementType == GgufValueType.String;
        var size = isText ? sizeof(ulong) : GgufValueTypes.SizeOf(elementType);
        if (size == 0)
            throw Error(at, $"array \"{key}\" has unknown element type {(uint)elementType}.");
        at = _position;
        var count = ReadCount($"length of array \"{key}\"", size);
        if (count > GgufFormat.MaxValueBytes / size)
            throw Error(at, $"array \"{key}\" of {count} elements is over the limit of {GgufFormat.MaxValueBytes >> 20} MiB.");
        at = _position;
        if (isText)
            SkipStrings(count, key);
        else
            Take(checked((int)(count * size)), $"array \"{key}\"");
        var bytes = _position - at;
        if (bytes > GgufFormat.MaxValueBytes)
            throw Error(at, $"array \"{key}\" of {bytes} bytes is over the limit of {GgufFormat.MaxValueBytes >> 20} MiB.");
        var payload = new ReadOnlySpan<byte>(_start + at, (int)bytes);
        if (elementType == GgufValueType.Bool)
            CheckBools(payload, at, key);
        if (bytes < MappedFrom)
            return new(GgufValueType.Array, elementType, (int)count, payload.ToArray());
        var mapped = new MappedBytes(_mapping, _start + at, (int)bytes);
        Mapped.Add(mapped);
        return new(GgufValueType.Array, elementType, (int)count, mapped.Memory);
    }

    // Vocabularies have hundreds of thousands of strings and a file is usually opened once, so this loop should not start out unoptimised.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void SkipStrings(long count, string key)
    {
        var position = _position;
        for (var i = 0L; i < count; i++)
        {
            var rest = _length - position - sizeof(ulong);
            var length = rest < 0 ? 0 : BinaryPrimitives.ReadUInt64LittleEndian(new ReadOnlySpan<byte>(_start + position, sizeof(ulong)));
            if (rest < 0 || length > (ulong)rest || length > GgufFormat.MaxValueBytes
                || !Utf8.IsValid(new ReadOnlySpan<byte>(_start + position + sizeof(ulong), (int)length)))
            {
                _position = position;
                TakeString($"string {i} of array \"{key}\"");
            }
            position += sizeof(ulong) + (long)length;
        }
        _position = position;
    }

    private readonly void CheckBools(ReadOnlySpan<byte> payload, long at, string key)
    {
        if (payload.IndexOfAnyExceptInRange((byte)0, (byte)1) is >= 0 and var bad)
            throw Error(at + bad, $"metadata key \"{key}\" holds {payload[bad]} as a bool; only 0 and 1 are.");
    }

    private readonly int CheckAlignment(long? at)
    {
        if (at is null)
            return GgufFormat.DefaultAlignment;
        var value = Metadata[GgufFormat.AlignmentKey];
        if (value.Type != GgufValueType.UInt32)
            throw Error(at.Value, $"{GgufFormat.AlignmentKey} must be u32 but is {value.TypeName}.");
        var alignment = BinaryPrimitives.ReadUInt32LittleEndian(value.Payload);
        return GgufFormat.IsValidAlignment(alignment)
            ? (int)alignment
            : throw Error(at.Value, $"{GgufFormat.AlignmentKey} is {alignment}; it must be a power of two up to {GgufFormat.MaxAlignment}.");
    }

    private readonly void RefuseSplitFiles()
    {
        if (Metadata.TryGetValue("split.count", out var value) && value.TryGetUInt64(out var parts) && parts > 1)
            throw Error(null, $"one of {parts} parts of a split model. Join the parts first with llama.cpp's `llama-gguf-split --merge`.");
    }

    private void ReadTensorTable(long count)
    {
        var headers = new List<(GgufTensor Tensor, long OffsetAt)>();
        var names = new HashSet<string>(StringComparer.Ordinal);
        for (var i = 0L; i < count; i++)
            headers.Add(ReadTensorHeader(i, names));

        // As in ggml, the data follow the table in its order, each padded to the alignment: anything else overlaps or leaves a gap.
        var dataStart = GgufFormat.Pad(_position, Alignment);
        var expected = 0L;
        foreach (var (header, offsetAt) in headers)
        {
            if (header.Offset % Alignment != 0)
                throw Error(offsetAt, $"tensor \"{header.Name}\" has offset {(ulong)header.Offset}, which is not a multiple of the alignment {Alignment}.");
            if (header.Offset != expected)
                throw Error(offsetAt, $"tensor \"{header.Name}\" has offset {(ulong)header.Offset} where {expected} is expected: its data {Misplacement((ulong)header.Offset, expected, dataStart)}.");
            // A sum of lengths stays within the file, so nothing here can overflow.
            if (header.ByteLength > _length - dataStart - expected)
                throw Error(offsetAt, $"tensor \"{header.Name}\" takes {header.ByteLength} bytes from offset {dataStart + expected}, but the file ends at {_length}: truncated, or the shape is wrong.");
            Tensors.Add(header with { Offset = dataStart + expected });
            expected = GgufFormat.Pad(expected + header.ByteLength, Alignment);
        }
    }

    private readonly string Misplacement(ulong offset, long expected, long dataStart) =>
        offset < (ulong)expected ? "overlap those of a tensor before it"
        : offset > (ulong)Math.Max(0, _length - dataStart) ? "lie past the end of the file"
        : "leave a gap after the tensor before it";

    /// <summary>One row of the table, its offset still relative to the start of the data, and where in the file that offset is written.</summary>
    private (GgufTensor Tensor, long OffsetAt) ReadTensorHeader(long index, HashSet<string> names)
    {
        var at = _position;
        var nameBytes = TakeString($"the name of tensor {index}");
        if (GgufFormat.NameProblem(nameBytes) is { } nameProblem)
            throw Error(at, $"the name of tensor {index} {nameProblem}.");
        var name = Encoding.UTF8.GetString(nameBytes);
        if (!names.Add(name))
            throw Error(at, $"tensor name \"{name}\" appears twice.");

        at = _position;
        var dimensionCount = ReadUInt32($"the dimension count of tensor \"{name}\"");
        if (dimensionCount is 0 or > GgufFormat.MaxDimensions)
            throw Error(at, $"tensor \"{name}\" has {dimensionCount} dimensions; 1 to {GgufFormat.MaxDimensions} are possible.");
        var shapeAt = _position;
        var dimensions = new long[dimensionCount];
        for (var i = 0; i < dimensions.Length; i++)
            dimensions[i] = BinaryPrimitives.ReadInt64LittleEndian(Take(sizeof(long), $"the shape of tensor \"{name}\""));

        at = _position;
        var type = (TensorType)ReadUInt32($"the type of tensor \"{name}\"");
        if (!TensorTypes.TryGetInfo(type, out var info))
            throw Error(at, $"tensor \"{name}\" has type {(uint)type}, which ggml has removed or T2 does not know.");
        if (!GgufFormat.TryGetByteLength(info, dimensions, out var byteLength, out var problem))
            throw Error(shapeAt, $"tensor \"{name}\" has {problem}.");

        at = _position;
        var offset = BinaryPrimitives.ReadInt64LittleEndian(Take(sizeof(long), $"the offset of tensor \"{name}\""));
        return (new GgufTensor(name, type, dimensions, offset, byteLength), at);
    }

    /// <summary>Reads a count of things of at least <paramref name="minBytes"/> bytes each; more of them than the rest of the file can hold are an error.</summary>
    private long ReadCount(string what, int minBytes)
    {
        var at = _position;
        var count = BinaryPrimitives.ReadUInt64LittleEndian(Take(sizeof(ulong), what));
        var rest = _length - _position;
        return count <= (ulong)(rest / minBytes)
            ? (long)count
            : throw Error(at, $"{what} is {count}, but only {rest} bytes are left in the file.");
    }

    private uint ReadUInt32(string what) => BinaryPrimitives.ReadUInt32LittleEndian(Take(sizeof(uint), what));

    /// <summary>Takes a length-prefixed string, checked to be UTF-8.</summary>
    private ReadOnlySpan<byte> TakeString(string what)
    {
        var at = _position;
        var length = BinaryPrimitives.ReadUInt64LittleEndian(Take(sizeof(ulong), what));
        var rest = _length - _position;
        if (length > (ulong)rest)
            throw Error(at, $"{what} claims {length} bytes, but only {rest} are left in the file.");
        if (length > GgufFormat.MaxValueBytes)
            throw Error(at, $"{what} of {length} bytes is over the limit of {GgufFormat.MaxValueBytes >> 20} MiB.");
        var text = new ReadOnlySpan<byte>(_start + _position, (int)length);
        if (!Utf8.IsValid(text))
            throw Error(_position, $"{what} is not valid UTF-8.");
        _position += (long)length;
        return text;
    }

    private ReadOnlySpan<byte> Take(int bytes, string what)
    {
        if (bytes > _length - _position)
            throw Error(_position, $"the file ends within {what}.");
        var taken = new ReadOnlySpan<byte>(_start + _position, bytes);
        _position += bytes;
        return taken;
    }

    private readonly GgufException Error(long? at, string problem) => new(problem, _path, at);

    private static string Printable(byte* bytes, int count)
    {
        var text = new StringBuilder("\"");
        for (var i = 0; i < count; i++)
            text.Append(bytes[i] is >= 0x20 and < 0x7F ? (char)bytes[i] : '?');
        return text.Append('"').ToString();
    }
}
