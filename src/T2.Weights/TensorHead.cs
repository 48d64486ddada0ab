using T2.Gguf;

namespace T2.Weights;

/// <summary>The fields of a <c>ggml_tensor</c> that say what its bytes are and where; its shape, name and place in the graph stay what they are.</summary>
/// <param name="Type">Element type.</param>
/// <param name="Buffer">The backend buffer that the bytes are in, which tells ggml the kernels to use.</param>
/// <param name="Stride0">Bytes from one block to the next.</param>
/// <param name="Stride1">Bytes from one row to the next.</param>
/// <param name="Stride2">Bytes from one matrix to the next.</param>
/// <param name="Stride3">Bytes from one stack of matrices to the next.</param>
/// <param name="Data">The bytes.</param>
/// <param name="Extra">What the buffer keeps about the tensor: its layout where it is repacked.</param>
internal readonly record struct TensorHead(TensorType Type, nint Buffer, nuint Stride0, nuint Stride1, nuint Stride2, nuint Stride3, nint Data, nint Extra);
