using System.Runtime.InteropServices;
using T2.Gguf;

namespace T2.Weights;

/// <summary>
/// One weight of a loaded model, and the one place where its bytes change. Between <see cref="BeginWrite"/> and <see cref="Commit"/> the weight is in no
/// defined state unless its storage is <see cref="TensorStorage.Mapped"/> and it was on the base; <see cref="Restore"/> always brings the file's bytes back.
/// Not thread-safe: the caller sees to it that no decode runs on any context of the model meanwhile.
/// </summary>
public sealed unsafe class LiveTensor : IDisposable
{
    private readonly void* _tensor;
    private readonly byte* _pristine;
    private readonly nint _baseData;
    private readonly GgmlExports _ggml;
    private byte* _own;

    internal LiveTensor(string name, GgufTensor stored, TensorStorage storage, string bufferName, void* tensor, byte* pristine, GgmlExports ggml)
    {
        Name = name;
        Stored = stored;
        Storage = storage;
        BufferName = bufferName;
        _tensor = tensor;
        _pristine = pristine;
        _ggml = ggml;
        _baseData = GgmlTensorLayout.Data(tensor);
    }

    /// <summary>The weight's GGUF name.</summary>
    public string Name { get; }

    /// <summary>Type, shape and size, the same live as in the file.</summary>
    public GgufTensor Stored { get; }

    /// <summary>Where the live bytes are.</summary>
    public TensorStorage Storage { get; }

    /// <summary>ggml's name of the buffer, for reports.</summary>
    public string BufferName { get; }

    /// <summary>Whether the live bytes can be compared with the file's; repacked and device tensors cannot.</summary>
    public bool IsReadable => Storage is TensorStorage.Mapped or TensorStorage.Host;

    /// <summary>Whether the weight may differ from the file's bytes.</summary>
    public bool IsModified { get; private set; }

    /// <summary>Bytes of T2's own memory this tensor holds now.</summary>
    public long OwnedBytes => _own == null ? 0 : Stored.ByteLength;

    /// <summary>The file's bytes, in GGUF layout.</summary>
    public byte* Pristine => _pristine;

    /// <summary>
    /// Gives the memory into which the new bytes go, in GGUF layout and <see cref="Stored"/>'s type, <see cref="GgufTensor.ByteLength"/> bytes: the live
    /// memory itself for host tensors, memory of T2's own otherwise. The weight counts as modified from here on.
    /// </summary>
    /// <exception cref="OutOfMemoryException">There is no memory for a copy of the tensor; the weight is unchanged.</exception>
    public byte* BeginWrite()
    {
        byte* destination = Storage == TensorStorage.Host ? (byte*)_baseData : OwnMemory();
        IsModified = true;
        return destination;
    }

    /// <summary>Makes the bytes written since <see cref="BeginWrite"/> the live ones.</summary>
    public void Commit()
    {
        switch (Storage)
        {
            case TensorStorage.Mapped:
                GgmlTensorLayout.Data(_tensor) = (nint)_own;
                break;
            case TensorStorage.Repacked or TensorStorage.Device:
                _ggml.SetWhole(_tensor, _own, Stored.ByteLength);
                ReleaseMemory();
                break;
        }
    }

    /// <summary>Makes the live weight byte-identical to the file again. A mapped tensor's own memory is kept for the next expert until <see cref="Dispose"/>.</summary>
    public void Restore()
    {
        if (!IsModified)
            return;
        switch (Storage)
        {
            case TensorStorage.Mapped:
                GgmlTensorLayout.Data(_tensor) = _baseData;
                break;
            case TensorStorage.Host:
                Buffer.MemoryCopy(_pristine, (void*)_baseData, Stored.ByteLength, Stored.ByteLength);
                break;
            default:
                _ggml.SetWhole(_tensor, _pristine, Stored.ByteLength);
                ReleaseMemory();
                break;
        }
        IsModified = false;
    }

    /// <summary>Whether the live bytes equal the file's.</summary>
    /// <exception cref="InvalidOperationException">The storage cannot be read back (<see cref="IsReadable"/>).</exception>
    public bool IsPristine()
    {
        if (!IsReadable)
            throw new InvalidOperationException($"Weight '{Name}' lies in '{BufferName}', which cannot be read back.");
        byte* live = (byte*)GgmlTensorLayout.Data(_tensor);
        if (live == _pristine)
            return true;
        const int Chunk = 1 << 30;
        for (long offset = 0; offset < Stored.ByteLength; offset += Chunk)
        {
            int length = (int)Math.Min(Chunk, Stored.ByteLength - offset);
            if (!new ReadOnlySpan<byte>(live + offset, length).SequenceEqual(new ReadOnlySpan<byte>(_pristine + offset, length)))
                return false;
        }
        return true;
    }

    /// <summary>Compares the first, middle and last few kilobytes: enough to see that this is the file's tensor without reading the whole file at load.</summary>
    internal bool SampleIsPristine()
    {
        byte* live = (byte*)GgmlTensorLayout.Data(_tensor);
        int length = (int)Math.Min(4096, Stored.ByteLength);
        ReadOnlySpan<long> offsets = [0, (Stored.ByteLength - length) / 2, Stored.ByteLength - length];
        foreach (long offset in offsets)
        {
            if (!new ReadOnlySpan<byte>(live + offset, length).SequenceEqual(new ReadOnlySpan<byte>(_pristine + offset, length)))
                return false;
        }
        return true;
    }

    /// <summary>Restores the base and frees T2's own memory. The model must still be loaded.</summary>
    public void Dispose()
    {
        Restore();
        ReleaseMemory();
    }

    private byte* OwnMemory()
    {
        // 64 bytes is more than any CPU kernel of ggml asks for (GGML_MEM_ALIGN 16, TENSOR_ALIGNMENT 32).
        if (_own == null)
            _own = (byte*)NativeMemory.AlignedAlloc(checked((nuint)Stored.ByteLength), 64);
        return _own;
    }

    private void ReleaseMemory()
    {
        NativeMemory.AlignedFree(_own);
        _own = null;
    }
}
