using System.Buffers.Binary;
using System.IO.Hashing;
using System.Runtime.InteropServices;
using System.Text;
using T2.Gguf;
using T2.Gguf.Experts;
using T2.Weights;

namespace T2.Runtime;

/// <summary>
/// Rebuilt experts on disk: one GGUF file each, whose tensors are the adapted weights, mapped when the expert is next used. Its name says what it is of: the
/// base, the expert's vectors, the types and the kernel that rebuilt it; a changed expert has another name. The last tensor is a checksum over the others,
/// compared before anything of the file is used.
/// </summary>
internal static unsafe class PreparedFile
{
    private const string KeyName = "t2.prepared.key";
    private const string ExpertName = "t2.prepared.expert";
    private const string ChecksumName = "t2.prepared.checksum";

    // More than any CPU kernel asks for, as in an arena.
    private const int Alignment = 64;

    /// <summary>Writes a weight's bytes, in GGUF layout, to a stream.</summary>
    internal delegate void WriteWeight(int index, Stream stream);

    /// <summary>What a file is of: 32 hexadecimal digits.</summary>
    internal static string Key(string fingerprint, string kernel, Expert expert, IReadOnlyList<LiveTensor> tensors, IReadOnlyList<TensorType> types)
    {
        var hash = new XxHash128();
        Append(hash, $"t2 prepared 2\n{fingerprint}\n{kernel}\n");
        foreach (var (tensor, type) in tensors.Zip(types).OrderBy(static pair => pair.First.Name, StringComparer.Ordinal))
        {
            Append(hash, $"{tensor.Name}\n{type}\n");
            hash.Append(MemoryMarshal.AsBytes(expert.Vectors[tensor.Name].Span));
        }
        return hash.GetCurrentHashAsUInt128().ToString("x32", System.Globalization.CultureInfo.InvariantCulture);
    }

    /// <summary>Where the file of a key is.</summary>
    internal static string PathOf(string directory, string key) => Path.Combine(directory, $"{key}.t2prepared");

    /// <summary>Writes a file. It appears whole or not at all.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be written.</exception>
    internal static void Write(string path, string key, Expert expert, IReadOnlyList<LiveTensor> tensors, IReadOnlyList<TensorType> types, WriteWeight write)
    {
        var writer = new GgufWriter(Alignment);
        writer.SetMetadata(KeyName, key);
        writer.SetMetadata(ExpertName, expert.Name);
        var checksum = new XxHash128();
        for (int index = 0; index < tensors.Count; index++)
        {
            int current = index;
            writer.AddTensor(tensors[index].Name, types[index], [.. tensors[index].Stored.Dimensions], stream =>
            {
                using var hashing = new HashingStream(stream, checksum);
                write(current, hashing);
            });
        }
        writer.AddTensor(ChecksumName, TensorType.I8, [16], stream =>
        {
            Span<byte> bytes = stackalloc byte[16];
            BinaryPrimitives.WriteUInt128LittleEndian(bytes, checksum.GetCurrentHashAsUInt128());
            stream.Write(bytes);
        });
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        writer.WriteTo(path);
    }

    /// <summary>Opens and checks a file.</summary>
    /// <param name="path">Where.</param>
    /// <param name="key">As <see cref="Key"/> gives it.</param>
    /// <param name="tensors">The weights it should hold.</param>
    /// <param name="types">Their types.</param>
    /// <param name="problem">Why there is nothing to use, where there is a file.</param>
    /// <returns>The file; null where there is none, or none that can be used.</returns>
    internal static GgufFile? TryOpen(string path, string key, IReadOnlyList<LiveTensor> tensors, IReadOnlyList<TensorType> types, out string? problem)
    {
        problem = null;
        if (!File.Exists(path))
            return null;
        GgufFile? file = null;
        try
        {
            file = GgufFile.Open(path);
            problem = Problem(file, key, tensors, types);
        }
        catch (GgufException exception)
        {
            problem = exception.Message;
        }
        if (problem is null)
            return file;
        file?.Dispose();
        return null;
    }

    private static string? Problem(GgufFile file, string key, IReadOnlyList<LiveTensor> tensors, IReadOnlyList<TensorType> types)
    {
        if (!file.Metadata.TryGetString(KeyName, out string? found) || found != key)
            return "it is of another base, expert or kernel than its name says";
        if (file.Alignment != Alignment || file.Tensors.Count != tensors.Count + 1 || file.Tensors[^1] is not { Name: ChecksumName, ByteLength: 16 })
            return "it does not hold the weights it should";
        var checksum = new XxHash128();
        for (int index = 0; index < tensors.Count; index++)
        {
            var stored = file.Tensors[index];
            if (stored.Name != tensors[index].Name || stored.Type != types[index] || !stored.Dimensions.SequenceEqual(tensors[index].Stored.Dimensions))
                return $"it has '{stored.Name}' where '{tensors[index].Name}' should be, or in another type or shape";
            checksum.Append(file.GetData(stored));
            MappedPages.Release(file.GetPointer(stored), stored.ByteLength);
        }
        var expected = BinaryPrimitives.ReadUInt128LittleEndian(file.GetData(file.Tensors[^1]));
        return checksum.GetCurrentHashAsUInt128() == expected ? null : "its weights do not match their checksum";
    }

    private static void Append(XxHash128 hash, string text) => hash.Append(Encoding.UTF8.GetBytes(text));

    /// <summary>Passes on what is written, and adds it to a checksum.</summary>
    private sealed class HashingStream(Stream inner, XxHash128 hash) : Stream
    {
        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            hash.Append(buffer);
            inner.Write(buffer);
        }

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

        public override void Flush() => inner.Flush();

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
