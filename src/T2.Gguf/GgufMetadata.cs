using System.Collections;
using System.Diagnostics.CodeAnalysis;

namespace T2.Gguf;

/// <summary>The key-value pairs of a GGUF file, in file order, with typed look-ups. Integers are found whatever width the file gives them.</summary>
#pragma warning disable CA1710 // Named for what it is in the file, not for how it is looked up.
public sealed class GgufMetadata : IReadOnlyDictionary<string, GgufValue>
#pragma warning restore CA1710
{
    private readonly OrderedDictionary<string, GgufValue> _values;
    private readonly string? _filePath;

    internal GgufMetadata(OrderedDictionary<string, GgufValue> values, string? filePath)
    {
        _values = values;
        _filePath = filePath;
    }

    /// <inheritdoc/>
    public int Count => _values.Count;

    /// <summary>The keys, in file order.</summary>
    public IEnumerable<string> Keys => _values.Keys;

    /// <summary>The values, in file order.</summary>
    public IEnumerable<GgufValue> Values => _values.Values;

    /// <summary>The raw value of <paramref name="key"/>.</summary>
    /// <exception cref="GgufException">The file has no such key.</exception>
    public GgufValue this[string key] => TryGetValue(key, out var value) ? value : throw Error($"metadata key \"{key}\" is missing.");

    /// <inheritdoc/>
    public bool ContainsKey(string key) => _values.ContainsKey(key);

    /// <inheritdoc/>
    public bool TryGetValue(string key, [MaybeNullWhen(false)] out GgufValue value) => _values.TryGetValue(key, out value);

    /// <summary>The string at <paramref name="key"/>; false if the key is absent or not a string.</summary>
    public bool TryGetString(string key, [NotNullWhen(true)] out string? text)
    {
        text = null;
        return TryGetValue(key, out var value) && value.TryGetString(out text);
    }

    /// <summary>The bool at <paramref name="key"/>; false if the key is absent or not a bool.</summary>
    public bool TryGetBool(string key, out bool flag)
    {
        flag = false;
        return TryGetValue(key, out var value) && value.TryGetBool(out flag);
    }

    /// <summary>The integer at <paramref name="key"/>; false if the key is absent, not an integer, or does not fit 32 bits unsigned.</summary>
    public bool TryGetUInt32(string key, out uint number)
    {
        var found = TryGetUInt64(key, out var wide) && wide <= uint.MaxValue;
        number = found ? (uint)wide : 0;
        return found;
    }

    /// <summary>The integer at <paramref name="key"/>; false if the key is absent, not an integer, or negative.</summary>
    public bool TryGetUInt64(string key, out ulong number)
    {
        number = 0;
        return TryGetValue(key, out var value) && value.TryGetUInt64(out number);
    }

    /// <summary>The integer at <paramref name="key"/>; false if the key is absent, not an integer, or does not fit 63 bits and a sign.</summary>
    public bool TryGetInt64(string key, out long number)
    {
        number = 0;
        return TryGetValue(key, out var value) && value.TryGetInt64(out number);
    }

    /// <summary>The f32 or f64 at <paramref name="key"/>; false if the key is absent or neither.</summary>
    public bool TryGetDouble(string key, out double number)
    {
        number = 0;
        return TryGetValue(key, out var value) && value.TryGetDouble(out number);
    }

    /// <summary>The array of strings at <paramref name="key"/>; false if the key is absent or something else.</summary>
    public bool TryGetStrings(string key, [NotNullWhen(true)] out IReadOnlyList<string>? strings)
    {
        strings = null;
        return TryGetValue(key, out var value) && value.TryGetStrings(out strings);
    }

    /// <summary>The string at <paramref name="key"/>.</summary>
    /// <exception cref="GgufException">The key is absent or not a string.</exception>
    public string GetString(string key) => TryGetString(key, out var text) ? text : throw WrongType(key, "a string");

    /// <summary>The bool at <paramref name="key"/>.</summary>
    /// <exception cref="GgufException">The key is absent or not a bool.</exception>
    public bool GetBool(string key) => TryGetBool(key, out var flag) ? flag : throw WrongType(key, "a bool");

    /// <summary>The integer at <paramref name="key"/>.</summary>
    /// <exception cref="GgufException">The key is absent, not an integer, or does not fit.</exception>
    public uint GetUInt32(string key) => TryGetUInt32(key, out var number) ? number : throw WrongType(key, "an integer of 0 to 2^32-1");

    /// <summary>The integer at <paramref name="key"/>.</summary>
    /// <exception cref="GgufException">The key is absent, not an integer, or negative.</exception>
    public ulong GetUInt64(string key) => TryGetUInt64(key, out var number) ? number : throw WrongType(key, "an integer of 0 to 2^64-1");

    /// <summary>The integer at <paramref name="key"/>.</summary>
    /// <exception cref="GgufException">The key is absent, not an integer, or does not fit.</exception>
    public long GetInt64(string key) => TryGetInt64(key, out var number) ? number : throw WrongType(key, "an integer of 64 bits");

    /// <summary>The f32 or f64 at <paramref name="key"/>.</summary>
    /// <exception cref="GgufException">The key is absent or neither.</exception>
    public double GetDouble(string key) => TryGetDouble(key, out var number) ? number : throw WrongType(key, "a floating-point number");

    /// <summary>The array of strings at <paramref name="key"/>.</summary>
    /// <exception cref="GgufException">The key is absent or something else.</exception>
    public IReadOnlyList<string> GetStrings(string key) => TryGetStrings(key, out var strings) ? strings : throw WrongType(key, "an array of strings");

    /// <inheritdoc/>
    public IEnumerator<KeyValuePair<string, GgufValue>> GetEnumerator() => _values.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private GgufException WrongType(string key, string wanted) => Error($"metadata key \"{key}\" should be {wanted} but is {this[key].TypeName} {this[key]}.");

    private GgufException Error(string problem) => new(problem, _filePath);
}
