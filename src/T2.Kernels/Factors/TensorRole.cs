namespace T2.Kernels;

/// <summary>Whether a tensor of a model can be adapted, and if not why.</summary>
/// <param name="IsAdaptable">True for the linear weights of blocks in a type T2 can rebuild.</param>
/// <param name="Reason">What the tensor is or what stands in the way, in a few words: "norm", "type IQ2_XS cannot be requantised".</param>
public readonly record struct TensorRole(bool IsAdaptable, string Reason);
