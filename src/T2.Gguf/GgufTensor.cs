namespace T2.Gguf;

/// <summary>Where a tensor lies in a GGUF file, and what it is.</summary>
/// <param name="Name">Its name, unique in the file, at most 63 bytes of UTF-8.</param>
/// <param name="Type">Element type.</param>
/// <param name="Dimensions">1 to 4 sizes, ggml's <c>ne</c>: the first is the contiguous one (the row length), each at least 1.</param>
/// <param name="Offset">Byte offset of the data in the file, a multiple of the file's alignment.</param>
/// <param name="ByteLength">Bytes of data, without the padding after it.</param>
public sealed record GgufTensor(string Name, TensorType Type, IReadOnlyList<long> Dimensions, long Offset, long ByteLength)
{
    /// <summary>Values per row, <c>ne[0]</c>.</summary>
    public long RowLength => Dimensions[0];

    /// <summary>Number of values, the product of <see cref="Dimensions"/>.</summary>
    public long ElementCount => Dimensions.Aggregate(1L, static (product, size) => product * size);

    /// <summary>Number of rows, over all dimensions but the first.</summary>
    public long RowCount => ElementCount / RowLength;

    /// <inheritdoc/>
    public override string ToString() => $"{Name} {Type} [{string.Join(", ", Dimensions)}]";
}
