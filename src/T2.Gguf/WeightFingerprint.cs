using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.IO.Hashing;
using System.Text;

namespace T2.Gguf;

/// <summary>
/// Names a set of weights: two files have the same fingerprint exactly when (short of a collision of 128 bits) their tensors have the same
/// names, types, shapes and bytes. Metadata and the order of tensors do not matter. Not a defence against forgery: XxHash128 is no cryptographic hash.
/// </summary>
public static class WeightFingerprint
{
    /// <summary>What every fingerprint starts with.</summary>
    public const string Prefix = "xxh128:";

    // Between looks at the cancellation token, and small enough to stay in cache while hashed.
    private const int ChunkBytes = 4 << 20;

    /// <inheritdoc cref="Compute(GgufFile, CancellationToken)"/>
    public static string Compute(GgufFile file) => Compute(file, CancellationToken.None);

    /// <summary>
    /// Computes "xxh128:" and 32 lower-case hexadecimal digits: the XxHash128 over all tensors, in ordinal order of name, of name length, name,
    /// type, number of dimensions, dimensions, and the XxHash128 of the data. Reads the whole file, with one thread per processor.
    /// </summary>
    /// <exception cref="ObjectDisposedException">The file has been disposed.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static string Compute(GgufFile file, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(file);
        var tensors = file.Tensors.OrderBy(static tensor => tensor.Name, StringComparer.Ordinal).ToArray();
        var dataHashes = new UInt128[tensors.Length];
        // Largest first and one at a time, so that no thread is left alone with the embedding at the end.
        var bySize = Enumerable.Range(0, tensors.Length).OrderByDescending(i => tensors[i].ByteLength);
        try
        {
            Parallel.ForEach(
                Partitioner.Create(bySize, EnumerablePartitionerOptions.NoBuffering),
                new ParallelOptions { CancellationToken = cancellation },
                i => dataHashes[i] = HashData(file, tensors[i], cancellation));
        }
        catch (AggregateException e) when (e.InnerExceptions.All(static inner => inner is ObjectDisposedException))
        {
            throw new ObjectDisposedException(nameof(GgufFile), e);
        }
        // Reading a page maps its neighbours too, so that letting go of chunk after chunk leaves a little of each.
        file.ReleasePages();

        var hash = new XxHash128();
        for (var i = 0; i < tensors.Length; i++)
            AppendTensor(hash, tensors[i], dataHashes[i]);
        return $"{Prefix}{hash.GetCurrentHashAsUInt128():x32}";
    }

    private static unsafe UInt128 HashData(GgufFile file, GgufTensor tensor, CancellationToken cancellation)
    {
        var hash = new XxHash128();
        var data = file.GetPointer(tensor);
        for (var done = 0L; done < tensor.ByteLength; done += ChunkBytes)
        {
            cancellation.ThrowIfCancellationRequested();
            int length = (int)Math.Min(ChunkBytes, tensor.ByteLength - done);
            hash.Append(new ReadOnlySpan<byte>(data + done, length));
            // Whoever computes with the weights has them in memory already.
            MappedPages.Release(data + done, length);
        }
        return hash.GetCurrentHashAsUInt128();
    }

    private static void AppendTensor(XxHash128 hash, GgufTensor tensor, UInt128 dataHash)
    {
        var name = Encoding.UTF8.GetBytes(tensor.Name);
        AppendInt64(hash, name.Length);
        hash.Append(name);
        AppendInt64(hash, (long)tensor.Type);
        AppendInt64(hash, tensor.Dimensions.Count);
        foreach (var size in tensor.Dimensions)
            AppendInt64(hash, size);
        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteUInt128LittleEndian(bytes, dataHash);
        hash.Append(bytes);
    }

    private static void AppendInt64(XxHash128 hash, long value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, value);
        hash.Append(bytes);
    }
}
