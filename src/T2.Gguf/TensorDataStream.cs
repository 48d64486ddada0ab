namespace T2.Gguf;

/// <summary>The stream a tensor's callback writes to: forwards to the file, and holds the callback to the tensor's length.</summary>
internal sealed class TensorDataStream(Stream file, long length, string tensorName) : Stream
{
    private long _written;

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => length;

    public override long Position
    {
        get => _written;
        set => throw new NotSupportedException();
    }

    /// <summary>Throws if fewer bytes than the tensor has were written.</summary>
    public void EnsureComplete()
    {
        if (_written != length)
            throw new InvalidOperationException($"The callback of tensor \"{tensorName}\" wrote {_written} bytes; the tensor takes {length}.");
    }

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        if (buffer.Length > length - _written)
            throw new InvalidOperationException($"The callback of tensor \"{tensorName}\" writes more than the {length} bytes the tensor takes.");
        file.Write(buffer);
        _written += buffer.Length;
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Flush() { }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();
}
