namespace T2.Weights;

/// <summary>One version of a weight's bytes, in an arena and in the layout the model computes with. It lasts as long as the arena.</summary>
public sealed unsafe class TensorVersion
{
    internal TensorVersion(LiveTensor tensor, TensorArena arena, byte* bytes)
    {
        Tensor = tensor;
        Arena = arena;
        Bytes = bytes;
    }

    /// <summary>The weight it is a version of.</summary>
    public LiveTensor Tensor { get; }

    /// <summary>Bytes of memory held.</summary>
    public long ByteLength => Tensor.LiveLength;

    internal TensorArena Arena { get; }

    internal byte* Bytes { get; }
}
