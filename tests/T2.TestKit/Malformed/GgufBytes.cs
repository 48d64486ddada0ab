using System.Buffers.Binary;
using System.Text;

namespace T2.TestKit;

/// <summary>Builds GGUF files byte by byte, right or wrong as told: the opposite of a writer that refuses to do wrong.</summary>
public sealed class GgufBytes
{
    public const uint U8 = 0, U32 = 4, F32 = 6, Bool = 7, Text = 8, Array = 9, U64 = 10;

    private readonly List<byte> _bytes = [];

    public GgufBytes Raw(ReadOnlySpan<byte> bytes)
    {
        _bytes.AddRange(bytes);
        return this;
    }

    public GgufBytes UInt8(byte value) => Raw([value]);

    public GgufBytes UInt32(uint value)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        return Raw(bytes);
    }

    public GgufBytes UInt64(ulong value)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        return Raw(bytes);
    }

    public GgufBytes String(string text) => String(Encoding.UTF8.GetBytes(text));

    public GgufBytes String(ReadOnlySpan<byte> bytes) => UInt64((ulong)bytes.Length).Raw(bytes);

    public GgufBytes Header(ulong tensors, ulong keyValues, uint version = 3) => Raw("GGUF"u8).UInt32(version).UInt64(tensors).UInt64(keyValues);

    /// <summary>Key and type; the value is the caller's to add.</summary>
    public GgufBytes Key(string key, uint type) => String(key).UInt32(type);

    public GgufBytes KeyUInt32(string key, uint value) => Key(key, U32).UInt32(value);

    public GgufBytes KeyText(string key, string value) => Key(key, Text).String(value);

    public GgufBytes Tensor(string name, ReadOnlySpan<ulong> dimensions, uint type, ulong offset) =>
        Tensor(Encoding.UTF8.GetBytes(name), dimensions, type, offset);

    public GgufBytes Tensor(ReadOnlySpan<byte> name, ReadOnlySpan<ulong> dimensions, uint type, ulong offset)
    {
        String(name).UInt32((uint)dimensions.Length);
        foreach (var size in dimensions)
            UInt64(size);
        return UInt32(type).UInt64(offset);
    }

    public GgufBytes PadTo(int alignment = 32)
    {
        while (_bytes.Count % alignment != 0)
            _bytes.Add(0);
        return this;
    }

    public GgufBytes Fill(int count, byte value = 0)
    {
        _bytes.AddRange(Enumerable.Repeat(value, count));
        return this;
    }

    public byte[] ToArray() => [.. _bytes];
}
