namespace T2.Gguf.Experts;

/// <summary>A tensor of a PyTorch checkpoint, its values widened (or, from F64, narrowed) to fp32.</summary>
/// <param name="Name">Its key in the checkpoint.</param>
/// <param name="Type">Element type in the file: F32, F16, BF16 or F64.</param>
/// <param name="Shape">Sizes as PyTorch gives them, the contiguous one last. Empty for a single number.</param>
/// <param name="Values">The values in row-major order.</param>
public sealed record TorchTensor(string Name, TensorType Type, IReadOnlyList<long> Shape, ReadOnlyMemory<float> Values);
