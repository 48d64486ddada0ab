using System.Diagnostics.CodeAnalysis;
using System.IO.MemoryMappedFiles;

namespace T2.Gguf;

/// <summary>
/// A GGUF version 3 file, mapped into memory read-only and checked as a whole when opened: header, metadata, tensor table, and that all
/// tensor data lie within the file. The data themselves are not read until asked for.
/// </summary>
/// <remarks>
/// Safe to read from several threads. No span or pointer may be used after <see cref="Dispose"/>; and, as with every mapped file, the process
/// dies if another program truncates the file meanwhile (replacing it by rename, as <see cref="GgufWriter"/> does, is harmless).
/// </remarks>
public sealed unsafe class GgufFile : IDisposable
{
    private readonly MemoryMappedFile _mapping;
    private readonly MemoryMappedViewAccessor _view;
    private readonly byte* _start;
    private readonly Dictionary<string, GgufTensor> _byName;
    private readonly List<MappedBytes> _mapped;
    private bool _disposed;

    private GgufFile(string path, long length, MemoryMappedFile mapping, MemoryMappedViewAccessor view)
    {
        Path = path;
        Length = length;
        _mapping = mapping;
        _view = view;
        view.SafeMemoryMappedViewHandle.AcquirePointer(ref _start);
        try
        {
            _start += view.PointerOffset;
            var parser = new GgufParser(view, _start, length, path);
            parser.Parse();
            Alignment = parser.Alignment;
            Metadata = new GgufMetadata(parser.Metadata, path);
            _mapped = parser.Mapped;
            Tensors = parser.Tensors.AsReadOnly();
            _byName = parser.Tensors.ToDictionary(static tensor => tensor.Name, StringComparer.Ordinal);
        }
        catch
        {
            view.SafeMemoryMappedViewHandle.ReleasePointer();
            throw;
        }
    }

    /// <summary>The path the file was opened by.</summary>
    public string Path { get; }

    /// <summary>Format version; always 3.</summary>
    public uint Version { get; } = GgufFormat.Version;

    /// <summary>Length of the file in bytes.</summary>
    public long Length { get; }

    /// <summary>Alignment of the tensor data in bytes.</summary>
    public int Alignment { get; }

    /// <summary>The key-value pairs, in file order.</summary>
    public GgufMetadata Metadata { get; }

    /// <summary>The tensors, in file order.</summary>
    public IReadOnlyList<GgufTensor> Tensors { get; }

    /// <summary><c>general.architecture</c> (<c>llama</c>, <c>qwen2</c>, …), or null if the file does not say.</summary>
    public string? Architecture => Metadata.TryGetString("general.architecture", out var architecture) ? architecture : null;

    /// <summary>Opens and checks a file.</summary>
    /// <exception cref="GgufException">The file is absent, unreadable, not a regular file, or not a well-formed GGUF version 3 file.</exception>
    public static GgufFile Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        using var handle = RegularFile.OpenRead(path, out var length);
        if (length == 0)
            throw new GgufException("the file is empty.", path);
        MemoryMappedFile? mapping = null;
        MemoryMappedViewAccessor? view = null;
        try
        {
            mapping = MemoryMappedFile.CreateFromFile(handle, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true);
            view = mapping.CreateViewAccessor(0, length, MemoryMappedFileAccess.Read);
            return new GgufFile(path, length, mapping, view);
        }
        catch (Exception e)
        {
            view?.Dispose();
            mapping?.Dispose();
            if (e is IOException or UnauthorizedAccessException)
                throw new GgufException($"cannot be mapped into memory: {e.Message}", path, null, e);
            throw;
        }
    }

    /// <summary>Finds a tensor by its exact name.</summary>
    public bool TryGetTensor(string name, [MaybeNullWhen(false)] out GgufTensor tensor) => _byName.TryGetValue(name, out tensor);

    /// <summary>The bytes of a tensor of this file, without copying. For tensors over 2 GiB use <see cref="GetPointer"/>.</summary>
    /// <exception cref="ArgumentException">The tensor is not of this file, or has more bytes than a span can.</exception>
    /// <exception cref="ObjectDisposedException">The file has been disposed.</exception>
    public ReadOnlySpan<byte> GetData(GgufTensor tensor)
    {
        var pointer = GetPointer(tensor);
        return tensor.ByteLength <= int.MaxValue
            ? new ReadOnlySpan<byte>(pointer, (int)tensor.ByteLength)
            : throw new ArgumentException($"Tensor \"{tensor.Name}\" has {tensor.ByteLength} bytes, more than a span can; use {nameof(GetPointer)}.", nameof(tensor));
    }

    /// <summary>Where the bytes of a tensor of this file lie in memory: <see cref="GgufTensor.ByteLength"/> of them, read-only, until <see cref="Dispose"/>.</summary>
    /// <exception cref="ArgumentException">The tensor is not of this file.</exception>
    /// <exception cref="ObjectDisposedException">The file has been disposed.</exception>
    public byte* GetPointer(GgufTensor tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        ObjectDisposedException.ThrowIf(_disposed, this);
        return tensor.Offset >= 0 && tensor.ByteLength >= 0 && tensor.Offset <= Length - tensor.ByteLength
            ? _start + tensor.Offset
            : throw new ArgumentException($"Tensor \"{tensor.Name}\" does not lie in {Path}.", nameof(tensor));
    }

    /// <summary>Lets go of the memory that reading the file has taken so far. Everything stays readable, from the system's file cache or from disk.</summary>
    /// <exception cref="ObjectDisposedException">The file has been disposed.</exception>
    public void ReleasePages()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        MappedPages.Release(_start, Length);
    }

    /// <summary>Unmaps the file. Spans and pointers into it are invalid from here on.</summary>
    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        foreach (var value in _mapped)
            value.Detach();
        _view.SafeMemoryMappedViewHandle.ReleasePointer();
        _view.Dispose();
        _mapping.Dispose();
    }
}
