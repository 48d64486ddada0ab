using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace T2.Gguf;

/// <summary>
/// One metadata value: a number, a bool, a string, or an array of one of these (arrays of arrays do not exist, as in ggml).
/// Immutable, and independent of the file it was read from. Strings of an array are decoded when first asked for.
/// </summary>
public sealed class GgufValue : IEquatable<GgufValue>
{
    // The value exactly as the file has it, little-endian, after the type tag: for arrays after element type and count, for strings after the length.
    private readonly ReadOnlyMemory<byte> _payload;
    private string[]? _strings;

    internal GgufValue(GgufValueType type, GgufValueType elementType, int count, ReadOnlyMemory<byte> payload)
    {
        Type = type;
        ElementType = elementType;
        Count = count;
        _payload = payload;
    }

    private GgufValue(GgufValueType type, ReadOnlyMemory<byte> payload) : this(type, type, 1, payload) { }

    /// <summary>Type of the value; <see cref="GgufValueType.Array"/> for arrays.</summary>
    public GgufValueType Type { get; }

    /// <summary>Type of the elements of an array; <see cref="Type"/> otherwise.</summary>
    public GgufValueType ElementType { get; }

    /// <summary>Number of elements of an array; 1 otherwise.</summary>
    public int Count { get; }

    /// <summary>Whether this is an array.</summary>
    public bool IsArray => Type == GgufValueType.Array;

    /// <summary>The type in ggml's short names: <c>u32</c>, <c>str</c>, <c>arr[str,32000]</c>.</summary>
    public string TypeName => IsArray
        ? string.Create(CultureInfo.InvariantCulture, $"arr[{GgufValueTypes.Name(ElementType)},{Count}]")
        : GgufValueTypes.Name(Type);

    internal ReadOnlySpan<byte> Payload => _payload.Span;

    /// <summary>Makes a u8.</summary>
    public static implicit operator GgufValue(byte value) => new(GgufValueType.UInt8, new[] { value });

    /// <summary>Makes an i8.</summary>
    public static implicit operator GgufValue(sbyte value) => new(GgufValueType.Int8, new[] { (byte)value });

    /// <summary>Makes a u16.</summary>
    public static implicit operator GgufValue(ushort value) => Scalar(GgufValueType.UInt16, value);

    /// <summary>Makes an i16.</summary>
    public static implicit operator GgufValue(short value) => Scalar(GgufValueType.Int16, value);

    /// <summary>Makes a u32.</summary>
    public static implicit operator GgufValue(uint value) => Scalar(GgufValueType.UInt32, value);

    /// <summary>Makes an i32.</summary>
    public static implicit operator GgufValue(int value) => Scalar(GgufValueType.Int32, value);

    /// <summary>Makes a u64.</summary>
    public static implicit operator GgufValue(ulong value) => Scalar(GgufValueType.UInt64, value);

    /// <summary>Makes an i64.</summary>
    public static implicit operator GgufValue(long value) => Scalar(GgufValueType.Int64, value);

    /// <summary>Makes an f32.</summary>
    public static implicit operator GgufValue(float value) => Scalar(GgufValueType.Float32, value);

    /// <summary>Makes an f64.</summary>
    public static implicit operator GgufValue(double value) => Scalar(GgufValueType.Float64, value);

    /// <summary>Makes a bool.</summary>
    public static implicit operator GgufValue(bool value) => new(GgufValueType.Bool, new[] { value ? (byte)1 : (byte)0 });

    /// <summary>Makes a string.</summary>
    /// <exception cref="ArgumentException">The string is not valid UTF-16.</exception>
    public static implicit operator GgufValue(string value) => new(GgufValueType.String, StrictUtf8.GetBytes(value));

    /// <summary>Makes an array of u8, i8, u16, i16, u32, i32, u64, i64, f32, f64 or bool, by the type of <typeparamref name="T"/>.</summary>
    /// <exception cref="ArgumentException"><typeparamref name="T"/> is none of these.</exception>
    public static GgufValue FromArray<T>(ReadOnlySpan<T> values) where T : unmanaged =>
        new(GgufValueType.Array, ElementTypeOf<T>(), values.Length, MemoryMarshal.AsBytes(values).ToArray());

    /// <inheritdoc cref="FromArray{T}(ReadOnlySpan{T})"/>
    public static GgufValue FromArray<T>(T[] values) where T : unmanaged => FromArray((ReadOnlySpan<T>)values);

    /// <summary>Makes an array of strings.</summary>
    /// <exception cref="ArgumentException">A string is not valid UTF-16.</exception>
    public static GgufValue FromStrings(IReadOnlyCollection<string> values)
    {
        ArgumentNullException.ThrowIfNull(values);
        using var payload = new MemoryStream();
        Span<byte> length = stackalloc byte[sizeof(ulong)];
        foreach (var value in values)
        {
            var bytes = StrictUtf8.GetBytes(value);
            BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)bytes.Length);
            payload.Write(length);
            payload.Write(bytes);
        }
        return new(GgufValueType.Array, GgufValueType.String, values.Count, payload.ToArray());
    }

    /// <summary>The string, if this is one.</summary>
    public bool TryGetString([NotNullWhen(true)] out string? value)
    {
        value = Type == GgufValueType.String ? Encoding.UTF8.GetString(Payload) : null;
        return value is not null;
    }

    /// <summary>The bool, if this is one.</summary>
    public bool TryGetBool(out bool value)
    {
        value = Type == GgufValueType.Bool && Payload[0] != 0;
        return Type == GgufValueType.Bool;
    }

    /// <summary>The integer, if this is one of any width and it is not negative.</summary>
    public bool TryGetUInt64(out ulong value)
    {
        if (Type == GgufValueType.UInt64)
        {
            value = BinaryPrimitives.ReadUInt64LittleEndian(Payload);
            return true;
        }
        var found = TryGetInt64(out var signed) && signed >= 0;
        value = found ? (ulong)signed : 0;
        return found;
    }

    /// <summary>The integer, if this is one of any width that fits 63 bits and a sign.</summary>
    public bool TryGetInt64(out long value)
    {
        (var found, value) = Type switch
        {
            GgufValueType.UInt8 => (true, Payload[0]),
            GgufValueType.Int8 => (true, (sbyte)Payload[0]),
            GgufValueType.UInt16 => (true, BinaryPrimitives.ReadUInt16LittleEndian(Payload)),
            GgufValueType.Int16 => (true, BinaryPrimitives.ReadInt16LittleEndian(Payload)),
            GgufValueType.UInt32 => (true, BinaryPrimitives.ReadUInt32LittleEndian(Payload)),
            GgufValueType.Int32 => (true, BinaryPrimitives.ReadInt32LittleEndian(Payload)),
            GgufValueType.Int64 => (true, BinaryPrimitives.ReadInt64LittleEndian(Payload)),
            GgufValueType.UInt64 => (BinaryPrimitives.ReadInt64LittleEndian(Payload) >= 0, BinaryPrimitives.ReadInt64LittleEndian(Payload)),
            _ => (false, 0L),
        };
        return found;
    }

    /// <summary>The number as a double, if this is an f32 or f64.</summary>
    public bool TryGetDouble(out double value)
    {
        value = Type switch
        {
            GgufValueType.Float32 => BinaryPrimitives.ReadSingleLittleEndian(Payload),
            GgufValueType.Float64 => BinaryPrimitives.ReadDoubleLittleEndian(Payload),
            _ => 0,
        };
        return Type is GgufValueType.Float32 or GgufValueType.Float64;
    }

    /// <summary>The elements, if this is an array whose elements are exactly <typeparamref name="T"/>.</summary>
    public bool TryGetArray<T>(out ReadOnlySpan<T> values) where T : unmanaged
    {
        var found = IsArray && ElementType == ElementTypeOf<T>();
        values = found ? MemoryMarshal.Cast<byte, T>(Payload) : default;
        return found;
    }

    /// <summary>The strings, if this is an array of strings. The first call decodes them all.</summary>
    public bool TryGetStrings([NotNullWhen(true)] out IReadOnlyList<string>? values)
    {
        values = IsArray && ElementType == GgufValueType.String ? _strings ??= DecodeStrings() : null;
        return values is not null;
    }

    /// <inheritdoc/>
    public bool Equals(GgufValue? other) =>
        other is not null && Type == other.Type && ElementType == other.ElementType && Count == other.Count && Payload.SequenceEqual(other.Payload);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as GgufValue);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = new HashCode();
        hash.Add(Type);
        hash.Add(ElementType);
        hash.AddBytes(Payload);
        return hash.ToHashCode();
    }

    /// <summary>The value as text; for arrays, the type and count only.</summary>
    public override string ToString()
    {
        if (TryGetString(out var text))
            return text;
        if (TryGetBool(out var flag))
            return flag ? "true" : "false";
        if (TryGetInt64(out var signed))
            return signed.ToString(CultureInfo.InvariantCulture);
        if (TryGetUInt64(out var unsigned))
            return unsigned.ToString(CultureInfo.InvariantCulture);
        if (Type == GgufValueType.Float32)
            return BinaryPrimitives.ReadSingleLittleEndian(Payload).ToString(CultureInfo.InvariantCulture);
        return TryGetDouble(out var real) ? real.ToString(CultureInfo.InvariantCulture) : TypeName;
    }

    private static GgufValue Scalar<T>(GgufValueType type, T value) where T : unmanaged =>
        new(type, MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in value)).ToArray());

    private static GgufValueType ElementTypeOf<T>() where T : unmanaged
    {
        if (typeof(T) == typeof(byte)) return GgufValueType.UInt8;
        if (typeof(T) == typeof(sbyte)) return GgufValueType.Int8;
        if (typeof(T) == typeof(ushort)) return GgufValueType.UInt16;
        if (typeof(T) == typeof(short)) return GgufValueType.Int16;
        if (typeof(T) == typeof(uint)) return GgufValueType.UInt32;
        if (typeof(T) == typeof(int)) return GgufValueType.Int32;
        if (typeof(T) == typeof(float)) return GgufValueType.Float32;
        if (typeof(T) == typeof(bool)) return GgufValueType.Bool;
        if (typeof(T) == typeof(ulong)) return GgufValueType.UInt64;
        if (typeof(T) == typeof(long)) return GgufValueType.Int64;
        if (typeof(T) == typeof(double)) return GgufValueType.Float64;
        throw new ArgumentException($"GGUF has no arrays of {typeof(T).Name}.");
    }

    private string[] DecodeStrings()
    {
        var strings = new string[Count];
        var rest = Payload;
        for (var i = 0; i < strings.Length; i++)
        {
            var length = (int)BinaryPrimitives.ReadUInt64LittleEndian(rest);
            strings[i] = Encoding.UTF8.GetString(rest.Slice(sizeof(ulong), length));
            rest = rest[(sizeof(ulong) + length)..];
        }
        return strings;
    }
}
