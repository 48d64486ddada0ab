using System.Buffers.Binary;
using System.IO.Hashing;
using System.Text;

namespace T2.Kernels;

/// <summary>A <see cref="FactorEntry"/> as bytes: before the weight's data, and once more in the table.</summary>
internal static class FactorRecord
{
    public const int Size = 256;
    private const int RowsAt = 4;
    private const int ColumnsAt = 8;
    private const int SideAt = 12;
    private const int OffsetAt = 16;
    private const int LengthAt = 24;
    private const int DataChecksumAt = 32;
    private const int KernelAt = 48;
    private const int KernelSize = 64;
    private const int NameAt = 112;
    private const int NameSize = 128;
    private const int ChecksumAt = Size - 16;

    private static ReadOnlySpan<byte> Magic => "T2FR"u8;

    /// <exception cref="ArgumentException">A name does not fit its field.</exception>
    public static byte[] ToBytes(FactorEntry entry)
    {
        var bytes = new byte[Size];
        Magic.CopyTo(bytes);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(RowsAt), entry.Shape.Rows);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(ColumnsAt), entry.Shape.Columns);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(SideAt), (int)entry.Shape.Side);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(OffsetAt), entry.Offset);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(LengthAt), entry.ByteLength);
        BinaryPrimitives.WriteUInt128LittleEndian(bytes.AsSpan(DataChecksumAt), entry.Checksum);
        WriteName(entry.Kernel, bytes.AsSpan(KernelAt, KernelSize));
        WriteName(entry.WeightName, bytes.AsSpan(NameAt, NameSize));
        BinaryPrimitives.WriteUInt128LittleEndian(bytes.AsSpan(ChecksumAt), XxHash128.HashToUInt128(bytes.AsSpan(0, ChecksumAt)));
        return bytes;
    }

    /// <summary>Reads a record; null where its checksum, its contents or its place in a file of <paramref name="fileLength"/> bytes make no sense.</summary>
    public static FactorEntry? Parse(ReadOnlySpan<byte> bytes, long fileLength)
    {
        if (!bytes.StartsWith(Magic)
            || BinaryPrimitives.ReadUInt128LittleEndian(bytes[ChecksumAt..]) != XxHash128.HashToUInt128(bytes[..ChecksumAt]))
            return null;
        var entry = new FactorEntry(
            ReadName(bytes.Slice(NameAt, NameSize)),
            new MatrixShape(BinaryPrimitives.ReadInt32LittleEndian(bytes[RowsAt..]), BinaryPrimitives.ReadInt32LittleEndian(bytes[ColumnsAt..])),
            ReadName(bytes.Slice(KernelAt, KernelSize)),
            BinaryPrimitives.ReadInt64LittleEndian(bytes[OffsetAt..]),
            BinaryPrimitives.ReadInt64LittleEndian(bytes[LengthAt..]),
            BinaryPrimitives.ReadUInt128LittleEndian(bytes[DataChecksumAt..]));
        var plausible = entry.Shape is { Rows: > 0, Columns: > 0 }
            && BinaryPrimitives.ReadInt32LittleEndian(bytes[SideAt..]) == (int)entry.Shape.Side
            && entry.Shape.Rank <= FactorFile.MaxRank
            && entry.ByteLength == FactorFile.DataLength(entry.Shape)
            && entry.Offset >= FactorHeader.Size + Size
            && entry.Offset % FactorFile.Alignment == 0
            && entry.ByteLength <= fileLength - entry.Offset;
        return plausible ? entry : null;
    }

    private static void WriteName(string name, Span<byte> field)
    {
        if (name.Length == 0 || name.Contains('\0') || Encoding.UTF8.GetByteCount(name) > field.Length)
            throw new ArgumentException($"The name '{name}' does not fit a field of {field.Length} bytes.", nameof(name));
        Encoding.UTF8.GetBytes(name, field);
    }

    private static string ReadName(ReadOnlySpan<byte> field) => Encoding.UTF8.GetString(field.TrimEnd((byte)0));
}
