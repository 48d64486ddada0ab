using System.IO.Hashing;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace T2.Kernels;

/// <summary>
/// A factor file being written. Each weight is appended as data, flushed to disk, and only then its record; so a file left by a kill holds whole weights up to some
/// point and perhaps a torn tail, which opening it cuts off.
/// </summary>
internal sealed class PartialFactorFile : IDisposable
{
    private const int ChunkBytes = 4 << 20;
    private readonly string _path;
    private readonly SafeFileHandle _handle;
    private readonly FactorHeader _header;
    private readonly List<FactorEntry> _entries = [];
    private readonly Lock _lock = new();
    private long _end = FactorHeader.Size;

    private PartialFactorFile(string path, SafeFileHandle handle, FactorHeader header)
    {
        _path = path;
        _handle = handle;
        _header = header;
    }

    /// <summary>Whole weights in the file, in file order.</summary>
    public IReadOnlyList<FactorEntry> Entries => _entries;

    /// <summary>Opens or makes the file, and finds what an earlier run has finished.</summary>
    /// <param name="path">Path of the file.</param>
    /// <param name="fingerprint">Fingerprint of the model's weights. A file of other weights is emptied.</param>
    /// <param name="note">Told what was found, where the user should know.</param>
    /// <param name="cancellation">Checked while the finished weights are verified.</param>
    /// <exception cref="FactorStoreException">The file cannot be opened or written.</exception>
    public static PartialFactorFile Open(string path, string fingerprint, Action<string> note, CancellationToken cancellation)
    {
        SafeFileHandle? handle = null;
        try
        {
            var header = FactorHeader.Unfinished(fingerprint);
            handle = File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            var file = new PartialFactorFile(path, handle, header);
            file.Resume(note, cancellation);
            return file;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            handle?.Dispose();
            throw new FactorStoreException(path, $"cannot be written: {e.Message} Make room, or give the factor file another path.", e);
        }
        catch
        {
            handle?.Dispose();
            throw;
        }
    }

    /// <summary>Appends one weight's factors. Safe to call from several threads.</summary>
    /// <exception cref="FactorStoreException">The disk is full or failed; what was appended before is kept.</exception>
    public void Append(string weightName, MatrixShape shape, string kernel, ReadOnlySpan<double> singularValues, ReadOnlySpan<float> basis)
    {
        var sigma = new byte[FactorFile.BasisOffset(shape)];
        MemoryMarshal.AsBytes(singularValues).CopyTo(sigma);
        Append(weightName, shape, kernel, sigma, MemoryMarshal.AsBytes(basis));
    }

    /// <summary>Appends one weight of a finished file, whose checksum the caller has verified.</summary>
    public void Append(FactorEntry entry, ReadOnlySpan<byte> data)
    {
        var split = (int)FactorFile.BasisOffset(entry.Shape);
        Append(entry.WeightName, entry.Shape, entry.Kernel, data[..split], data[split..]);
    }

    /// <summary>Writes the table and the final header. The file can then be renamed to its place.</summary>
    /// <exception cref="FactorStoreException">The disk is full or failed.</exception>
    public void Complete()
    {
        var table = new byte[_entries.Count * FactorRecord.Size];
        for (var i = 0; i < _entries.Count; i++)
            FactorRecord.ToBytes(_entries[i]).CopyTo(table, i * FactorRecord.Size);
        var header = _header with { TableOffset = _end, TableLength = table.Length };
        try
        {
            RandomAccess.Write(_handle, table, _end);
            RandomAccess.FlushToDisk(_handle);
            RandomAccess.Write(_handle, header.ToBytes(), 0);
            RandomAccess.FlushToDisk(_handle);
        }
        catch (IOException e)
        {
            throw WriteFailed(e);
        }
    }

    public void Dispose() => _handle.Dispose();

    private void Append(string weightName, MatrixShape shape, string kernel, ReadOnlySpan<byte> sigma, ReadOnlySpan<byte> basis)
    {
        var hash = new XxHash128();
        hash.Append(sigma);
        hash.Append(basis);
        lock (_lock)
        {
            var offset = _end + FactorRecord.Size;
            var entry = new FactorEntry(weightName, shape, kernel, offset, sigma.Length + (long)basis.Length, hash.GetCurrentHashAsUInt128());
            var record = FactorRecord.ToBytes(entry);
            try
            {
                RandomAccess.Write(_handle, sigma, offset);
                RandomAccess.Write(_handle, basis, offset + sigma.Length);
                RandomAccess.FlushToDisk(_handle);
                RandomAccess.Write(_handle, record, _end);
            }
            catch (IOException e)
            {
                throw WriteFailed(e);
            }
            _entries.Add(entry);
            _end = FactorFile.Align(offset + entry.ByteLength);
        }
    }

    private FactorStoreException WriteFailed(IOException e) =>
        new(_path, $"cannot be written: {e.Message} The {_entries.Count} matrices finished so far are kept in it; make room and run again.", e);

    private void Resume(Action<string> note, CancellationToken cancellation)
    {
        var length = RandomAccess.GetLength(_handle);
        var bytes = new byte[FactorHeader.Size];
        if (length > 0)
        {
            var read = RandomAccess.Read(_handle, bytes, 0);
            var header = FactorHeader.Parse(bytes.AsSpan(0, read), out var problem);
            if (header is not null && header.Fingerprint != _header.Fingerprint)
                problem = "it belongs to other weights";
            if (problem.Length == 0)
            {
                FindWholeWeights(length, cancellation);
                if (_end < length)
                    RandomAccess.SetLength(_handle, _end);
                if (_entries.Count > 0)
                    note($"continuing {_path}: {_entries.Count} matrices are already done");
                return;
            }
            note($"discarding {_path}: {problem}");
            RandomAccess.SetLength(_handle, 0);
        }
        RandomAccess.Write(_handle, _header.ToBytes(), 0);
    }

    private void FindWholeWeights(long length, CancellationToken cancellation)
    {
        var record = new byte[FactorRecord.Size];
        var buffer = new byte[ChunkBytes];
        while (RandomAccess.Read(_handle, record, _end) == record.Length
            && FactorRecord.Parse(record, length) is { } entry
            && entry.Offset == _end + FactorRecord.Size
            && Checksum(entry, buffer, cancellation) == entry.Checksum)
        {
            _entries.Add(entry);
            _end = FactorFile.Align(entry.Offset + entry.ByteLength);
        }
    }

    private UInt128 Checksum(FactorEntry entry, byte[] buffer, CancellationToken cancellation)
    {
        var hash = new XxHash128();
        for (var done = 0L; done < entry.ByteLength;)
        {
            cancellation.ThrowIfCancellationRequested();
            var read = RandomAccess.Read(_handle, buffer.AsSpan(0, (int)Math.Min(buffer.Length, entry.ByteLength - done)), entry.Offset + done);
            if (read == 0)
                break;
            hash.Append(buffer.AsSpan(0, read));
            done += read;
        }
        return hash.GetCurrentHashAsUInt128();
    }
}
