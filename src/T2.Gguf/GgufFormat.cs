namespace T2.Gguf;

/// <summary>Constants of the container, and the limits that reader and writer share.</summary>
internal static class GgufFormat
{
    public const uint Version = 3;
    public const string AlignmentKey = "general.alignment";
    public const int DefaultAlignment = 32;

    /// <summary>Far above any real file (32); keeps padding arithmetic out of harm's way.</summary>
    public const int MaxAlignment = 1 << 20;

    /// <summary>ggml's GGML_MAX_DIMS.</summary>
    public const int MaxDimensions = 4;

    /// <summary>ggml's GGML_MAX_NAME less the closing zero.</summary>
    public const int MaxNameBytes = 63;

    /// <summary>Largest string or array taken; the largest real ones (vocabularies) have a few MiB.</summary>
    public const int MaxValueBytes = 256 << 20;

    public static ReadOnlySpan<byte> Magic => "GGUF"u8;

    public static bool IsValidAlignment(uint alignment) => alignment is > 0 and <= MaxAlignment && (alignment & (alignment - 1)) == 0;

    /// <summary><paramref name="position"/> rounded up to a multiple of <paramref name="alignment"/>.</summary>
    public static long Pad(long position, int alignment) => checked(position + alignment - 1) & ~(long)(alignment - 1);

    /// <summary>Bytes of a tensor. False if the shape is none (1 to 4 sizes, each ≥ 1, rows of whole blocks) or the size does not fit 63 bits; <paramref name="problem"/> then says why.</summary>
    public static bool TryGetByteLength(TensorTypeInfo type, ReadOnlySpan<long> dimensions, out long byteLength, out string problem)
    {
        byteLength = 0;
        problem = "";
        if (dimensions.Length is 0 or > MaxDimensions)
            problem = $"{dimensions.Length} dimensions; 1 to {MaxDimensions} are possible";
        else if (dimensions.IndexOfAnyInRange(long.MinValue, 0) is >= 0 and var bad)
            problem = $"dimension {bad} of {dimensions[bad]}; at least 1 is possible";
        else if (dimensions[0] % type.BlockLength != 0)
            problem = $"rows of {dimensions[0]} values, not a whole number of {type.Name} blocks of {type.BlockLength}";
        if (problem.Length > 0)
            return false;
        try
        {
            var elements = 1L;
            foreach (var size in dimensions)
                elements = checked(elements * size);
            byteLength = type.BytesFor(elements);
            return true;
        }
        catch (OverflowException)
        {
            problem = $"a shape of [{string.Join(", ", dimensions.ToArray())}], whose size does not fit 63 bits";
            return false;
        }
    }

    /// <summary>Why a tensor cannot have this name, or null if it can.</summary>
    public static string? NameProblem(ReadOnlySpan<byte> name) => name switch
    {
        { Length: 0 } => "is empty",
        { Length: > MaxNameBytes } => $"has {name.Length} bytes; at most {MaxNameBytes} are possible",
        _ when name.Contains((byte)0) => "contains a zero byte",
        _ => null,
    };
}
