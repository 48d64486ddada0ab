namespace T2.Weights;

/// <summary>One version of a weight's bytes, in memory of T2's own and in the layout the model computes with. Not thread-safe.</summary>
public sealed unsafe class TensorVersion : IDisposable
{
    internal TensorVersion(LiveTensor tensor, byte* bytes)
    {
        Tensor = tensor;
        Bytes = bytes;
    }

    /// <summary>The weight it is a version of.</summary>
    public LiveTensor Tensor { get; }

    /// <summary>Bytes of memory held.</summary>
    public long ByteLength => Tensor.LiveLength;

    internal byte* Bytes { get; private set; }

    /// <summary>Gives the memory back; a version that is shown is replaced by the base first.</summary>
    public void Dispose()
    {
        if (Bytes == null)
            return;
        if (ReferenceEquals(Tensor.Shown, this))
            Tensor.Show(null);
        Tensor.Return(Bytes);
        Bytes = null;
    }
}
