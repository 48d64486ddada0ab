namespace T2.Kernels;

/// <summary>What factors take on disk.</summary>
/// <remarks>
/// A factor file, all little-endian: a header of 256 bytes (magic, version, the weights' fingerprint, where the table is, XxHash128 of the header); then per
/// weight a record of 256 bytes (name, shape, side, kernel, place, XxHash128s of the data and of the record), σ as fp64 and the basis as fp32, each on a
/// boundary of 64 bytes; at the end the table, the same records in one piece. A file being written has the same layout without a table, so that whatever
/// was finished before a kill can be found again.
/// </remarks>
public static class FactorFile
{
    /// <summary>Version of the format this build reads and writes.</summary>
    public const int Version = 1;

    /// <summary>Data and records begin at multiples of this many bytes.</summary>
    public const int Alignment = 64;

    /// <summary>Largest r of a weight: its factors must fit one span of bytes.</summary>
    public const int MaxRank = 23_168;

    /// <summary>Bytes of the factor file of weights of these shapes.</summary>
    public static long BytesFor(IEnumerable<MatrixShape> shapes)
    {
        ArgumentNullException.ThrowIfNull(shapes);
        return shapes.Aggregate((long)FactorHeader.Size, static (sum, shape) => checked(sum + (2 * FactorRecord.Size) + Align(DataLength(shape))));
    }

    /// <summary>Bytes that U, σ and V of weights of these shapes take in fp32, for comparison.</summary>
    public static long FullDecompositionBytes(IEnumerable<MatrixShape> shapes)
    {
        ArgumentNullException.ThrowIfNull(shapes);
        return shapes.Aggregate(0L, static (sum, shape) => checked(sum + (sizeof(float) * (((long)shape.Rows + shape.Columns + 1) * shape.Rank))));
    }

    internal static long Align(long offset) => checked(offset + Alignment - 1) / Alignment * Alignment;

    /// <summary>Bytes from the first of σ to the first of the basis.</summary>
    internal static long BasisOffset(MatrixShape shape) => Align((long)shape.Rank * sizeof(double));

    /// <summary>Bytes from the first of σ to the last of the basis.</summary>
    internal static long DataLength(MatrixShape shape) => BasisOffset(shape) + ((long)shape.Rank * shape.Rank * sizeof(float));
}
