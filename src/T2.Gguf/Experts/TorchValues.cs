namespace T2.Gguf.Experts;

/// <summary>The few Python names a checkpoint of tensors needs. No other is ever looked up, and none is ever called: each is a case in <see cref="TorchUnpickler"/>.</summary>
internal enum TorchGlobal
{
    OrderedDict,
    RebuildTensor,
    RebuildParameter,
    FloatStorage,
    HalfStorage,
    BFloat16Storage,
    DoubleStorage,
}

/// <summary>The persistent id of a storage: an entry of the zip file.</summary>
/// <param name="Type">Element type.</param>
/// <param name="Key">Name of the entry under <c>data/</c>.</param>
/// <param name="Length">Number of elements.</param>
internal sealed record TorchStorage(TensorType Type, string Key, long Length);

/// <summary>A tensor as pickled: a strided view of a storage, in elements.</summary>
internal sealed record TorchView(TorchStorage Storage, long Offset, long[] Shape, long[] Strides);

/// <summary>A dict or OrderedDict, in order of insertion.</summary>
internal sealed class TorchDict
{
    public List<(object? Key, object? Value)> Items { get; } = [];
}
