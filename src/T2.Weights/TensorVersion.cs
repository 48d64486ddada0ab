using T2.Gguf;

namespace T2.Weights;

/// <summary>One version of a weight's bytes, in an arena and in the layout the model computes with. It lasts as long as the arena.</summary>
public sealed unsafe class TensorVersion
{
    internal TensorVersion(LiveTensor tensor, TensorType type, TensorArena arena, byte* bytes)
    {
        Tensor = tensor;
        Type = type;
        Arena = arena;
        Bytes = bytes;
    }

    /// <summary>The weight it is a version of.</summary>
    public LiveTensor Tensor { get; }

    /// <summary>Its type: the weight's own, or a more precise one.</summary>
    public TensorType Type { get; }

    /// <summary>Bytes of memory held.</summary>
    public long ByteLength => Tensor.LengthAs(Type);

    internal TensorArena Arena { get; }

    internal byte* Bytes { get; }
}
