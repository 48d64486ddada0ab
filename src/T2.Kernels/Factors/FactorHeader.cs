using System.Buffers.Binary;
using System.IO.Hashing;
using System.Text;

namespace T2.Kernels;

/// <summary>The first bytes of a factor file. A table offset of 0 marks a file that is still being written.</summary>
internal sealed record FactorHeader(string Fingerprint, long TableOffset, long TableLength)
{
    public const int Size = 256;
    private const int VersionAt = 8;
    private const int TableOffsetAt = 16;
    private const int TableLengthAt = 24;
    private const int FingerprintAt = 32;
    private const int FingerprintSize = 128;
    private const int ChecksumAt = Size - 16;

    private static ReadOnlySpan<byte> Magic => "T2FACTOR"u8;

    /// <summary>A header for a file of <paramref name="fingerprint"/> that has no table yet.</summary>
    /// <exception cref="ArgumentException">The fingerprint is empty or too long.</exception>
    public static FactorHeader Unfinished(string fingerprint)
    {
        ArgumentException.ThrowIfNullOrEmpty(fingerprint);
        return Encoding.UTF8.GetByteCount(fingerprint) < FingerprintSize
            ? new FactorHeader(fingerprint, 0, 0)
            : throw new ArgumentException($"The fingerprint is longer than {FingerprintSize - 1} bytes.", nameof(fingerprint));
    }

    public byte[] ToBytes()
    {
        var bytes = new byte[Size];
        Magic.CopyTo(bytes);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(VersionAt), FactorFile.Version);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(TableOffsetAt), TableOffset);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(TableLengthAt), TableLength);
        Encoding.UTF8.GetBytes(Fingerprint, bytes.AsSpan(FingerprintAt, FingerprintSize));
        BinaryPrimitives.WriteUInt128LittleEndian(bytes.AsSpan(ChecksumAt), XxHash128.HashToUInt128(bytes.AsSpan(0, ChecksumAt)));
        return bytes;
    }

    /// <summary>Reads a header, or says why the bytes are none.</summary>
    /// <param name="bytes">The first <see cref="Size"/> bytes of the file, or all of a shorter one.</param>
    /// <param name="problem">What is wrong, where null is returned.</param>
    public static FactorHeader? Parse(ReadOnlySpan<byte> bytes, out string problem)
    {
        problem = "";
        if (bytes.Length < Size || !bytes.StartsWith(Magic))
        {
            problem = bytes.Length < Size ? $"it has only {bytes.Length} bytes" : "it does not begin like a factor file";
            return null;
        }
        // Before the checksum: another version may keep that elsewhere.
        var version = BinaryPrimitives.ReadInt32LittleEndian(bytes[VersionAt..]);
        if (version != FactorFile.Version)
        {
            problem = $"it has format version {version}, this build reads {FactorFile.Version}";
            return null;
        }
        if (BinaryPrimitives.ReadUInt128LittleEndian(bytes[ChecksumAt..]) != XxHash128.HashToUInt128(bytes[..ChecksumAt]))
        {
            problem = "the header's checksum does not match";
            return null;
        }
        return new FactorHeader(
            Encoding.UTF8.GetString(bytes.Slice(FingerprintAt, FingerprintSize).TrimEnd((byte)0)),
            BinaryPrimitives.ReadInt64LittleEndian(bytes[TableOffsetAt..]),
            BinaryPrimitives.ReadInt64LittleEndian(bytes[TableLengthAt..]));
    }
}
