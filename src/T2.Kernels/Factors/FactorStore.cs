using System.Diagnostics.CodeAnalysis;
using System.IO.Hashing;
using T2.Gguf;

namespace T2.Kernels;

/// <summary>
/// The factors of a model's weights, kept in one file beside the model and mapped into memory. The file belongs to weights of one fingerprint, appears
/// only when it is complete, and each matrix is checked against its checksum when it is first used.
/// </summary>
/// <remarks>Safe to read from several threads. What <see cref="TryGet"/> gave must not be used after <see cref="Dispose"/>.</remarks>
public sealed partial class FactorStore : IDisposable
{
    private readonly MappedFile _file;
    private readonly OrderedDictionary<string, FactorEntry> _entries = new(StringComparer.Ordinal);
    private readonly Dictionary<string, MatrixFactors> _verified = new(StringComparer.Ordinal);
    private readonly Lock _lock = new();

    private FactorStore(string path, string fingerprint, MappedFile file)
    {
        Path = path;
        Fingerprint = fingerprint;
        _file = file;
        ReadTable();
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>Fingerprint of the weights the factors are of.</summary>
    public string Fingerprint { get; }

    /// <summary>Length of the file in bytes.</summary>
    public long ByteLength => _file.Length;

    /// <summary>Names of the weights it has factors of, in file order.</summary>
    public IReadOnlyCollection<string> WeightNames => _entries.Keys;

    /// <summary>What it has of each weight, in file order.</summary>
    public IReadOnlyCollection<FactorEntry> Entries => _entries.Values;

    /// <summary>Where a model's factors are kept unless the user says otherwise: the model's path with <c>.t2factors</c> appended.</summary>
    public static string DefaultPath(string modelPath)
    {
        ArgumentException.ThrowIfNullOrEmpty(modelPath);
        return modelPath + ".t2factors";
    }

    /// <summary>Opens a finished factor file.</summary>
    /// <param name="path">Path of the file.</param>
    /// <param name="fingerprint">Fingerprint of the model's weights, as <see cref="WeightFingerprint"/> gives it.</param>
    /// <returns>The store, or null where there is no such file.</returns>
    /// <exception cref="FactorStoreException">The file is damaged, unfinished, of another version, or belongs to other weights.</exception>
    public static FactorStore? TryOpen(string path, string fingerprint)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentException.ThrowIfNullOrEmpty(fingerprint);
        MappedFile? file = null;
        try
        {
            file = new MappedFile(path);
            return new FactorStore(path, fingerprint, file);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
        catch (EndOfStreamException e)
        {
            throw FactorStoreException.Unusable(path, e.Message);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            file?.Dispose();
            throw new FactorStoreException(path, $"cannot be read: {e.Message}", e);
        }
        catch
        {
            file?.Dispose();
            throw;
        }
    }

    /// <summary>Finds a weight's factors. The first time, their bytes are checked against the checksum.</summary>
    /// <param name="weightName">The weight's tensor name.</param>
    /// <param name="factors">Its factors, in the mapped file: usable until <see cref="Dispose"/>.</param>
    /// <returns>Whether the store has the weight.</returns>
    /// <exception cref="FactorStoreException">The bytes do not match their checksum.</exception>
    /// <exception cref="ObjectDisposedException">The store has been disposed.</exception>
    public bool TryGet(string weightName, [MaybeNullWhen(false)] out MatrixFactors factors)
    {
        ArgumentNullException.ThrowIfNull(weightName);
        ObjectDisposedException.ThrowIf(_file.IsDisposed, this);
        factors = null;
        if (!_entries.TryGetValue(weightName, out var entry))
            return false;
        lock (_lock)
        {
            if (_verified.TryGetValue(weightName, out factors))
                return true;
        }
        _ = VerifiedBytes(entry);
        Release(weightName);
        var rank = entry.Shape.Rank;
        factors = new MatrixFactors(
            entry.Shape,
            new MappedMemory<double>(_file, entry.Offset, rank).Memory,
            new MappedMemory<float>(_file, entry.Offset + FactorFile.BasisOffset(entry.Shape), rank * rank).Memory);
        lock (_lock)
            _verified[weightName] = factors;
        return true;
    }

    /// <summary>Lets go of the memory that a weight's factors take after they have been read; they are read from the file again when they are next used.</summary>
    /// <param name="weightName">The weight's tensor name; one the store does not have is none of its business.</param>
    /// <exception cref="ObjectDisposedException">The store has been disposed.</exception>
    public unsafe void Release(string weightName)
    {
        ArgumentNullException.ThrowIfNull(weightName);
        if (_entries.TryGetValue(weightName, out var entry))
            MappedPages.Release(_file.Start + entry.Offset, entry.ByteLength);
    }

    /// <summary>Checks every matrix against its checksum; reads the whole file.</summary>
    /// <exception cref="FactorStoreException">One does not match; the message names it.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public void Verify(CancellationToken cancellation = default)
    {
        foreach (var entry in _entries.Values)
        {
            cancellation.ThrowIfCancellationRequested();
            _ = VerifiedBytes(entry);
            Release(entry.WeightName);
        }
    }

    /// <summary>Unmaps the file. Factors it gave are unusable from here on.</summary>
    public void Dispose() => _file.Dispose();

    private ReadOnlySpan<byte> VerifiedBytes(FactorEntry entry)
    {
        var bytes = _file.Bytes(entry.Offset, (int)entry.ByteLength);
        return XxHash128.HashToUInt128(bytes) == entry.Checksum
            ? bytes
            : throw FactorStoreException.Unusable(Path, $"the factors of {entry.WeightName} do not match their checksum");
    }

    private void ReadTable()
    {
        var header = FactorHeader.Parse(_file.Bytes(0, (int)Math.Min(_file.Length, FactorHeader.Size)), out var problem)
            ?? throw FactorStoreException.Unusable(Path, problem);
        if (header.Fingerprint != Fingerprint)
        {
            throw new FactorStoreException(
                Path, $"the factor file belongs to other weights ({header.Fingerprint}, the model has {Fingerprint}). Delete it, or give another path for this model's factors.");
        }
        if (header.TableOffset < FactorHeader.Size || header.TableLength < 0 || header.TableLength % FactorRecord.Size != 0
            || header.TableLength > int.MaxValue || header.TableLength > _file.Length - header.TableOffset)
            throw FactorStoreException.Unusable(Path, header.TableOffset == 0 ? "it was never finished" : "it is cut off");
        var table = _file.Bytes(header.TableOffset, (int)header.TableLength);
        for (var at = 0; at < table.Length; at += FactorRecord.Size)
        {
            var entry = FactorRecord.Parse(table.Slice(at, FactorRecord.Size), header.TableOffset);
            if (entry is null || !_entries.TryAdd(entry.WeightName, entry))
                throw FactorStoreException.Unusable(Path, $"record {at / FactorRecord.Size} of the table is damaged");
        }
    }
}
