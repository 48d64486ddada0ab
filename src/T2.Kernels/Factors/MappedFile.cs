using System.IO.MemoryMappedFiles;

namespace T2.Kernels;

/// <summary>A file mapped read-only. Pins taken through <see cref="AddReference"/> keep the mapping alive beyond <see cref="Dispose"/>.</summary>
internal sealed unsafe class MappedFile : IDisposable
{
    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;
    private readonly byte* _start;

    /// <exception cref="IOException">The file cannot be opened or mapped.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    public MappedFile(string path)
    {
        // Sharing everything: a finished factor file is only ever replaced by rename.
        using var handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        Length = RandomAccess.GetLength(handle);
        if (Length == 0)
            throw new EndOfStreamException("the file is empty.");
        _file = MemoryMappedFile.CreateFromFile(handle, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true);
        try
        {
            _view = _file.CreateViewAccessor(0, Length, MemoryMappedFileAccess.Read);
        }
        catch
        {
            _file.Dispose();
            throw;
        }
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref _start);
        _start += _view.PointerOffset;
    }

    public long Length { get; }

    public bool IsDisposed { get; private set; }

    /// <exception cref="ObjectDisposedException">The mapping is gone.</exception>
    public byte* Start
    {
        get
        {
            ObjectDisposedException.ThrowIf(IsDisposed, typeof(FactorStore));
            return _start;
        }
    }

    public ReadOnlySpan<byte> Bytes(long offset, int length) => new(Start + offset, length);

    /// <summary>Keeps the mapping until the matching <see cref="ReleaseReference"/>.</summary>
    /// <exception cref="ObjectDisposedException">The mapping is gone.</exception>
    public void AddReference()
    {
        var added = false;
        _view.SafeMemoryMappedViewHandle.DangerousAddRef(ref added);
    }

    public void ReleaseReference() => _view.SafeMemoryMappedViewHandle.DangerousRelease();

    public void Dispose()
    {
        if (IsDisposed)
            return;
        IsDisposed = true;
        _view.SafeMemoryMappedViewHandle.ReleasePointer();
        _view.Dispose();
        _file.Dispose();
    }
}
