using T2.Kernels;
using T2.Weights;

namespace T2.Runtime;

/// <summary>One weight that an expert changes.</summary>
/// <param name="Tensor">The weight.</param>
/// <param name="Factors">Its factors.</param>
/// <param name="Z">The expert's vector for it; not all ones.</param>
internal readonly record struct RebuildStep(LiveTensor Tensor, MatrixFactors Factors, ReadOnlyMemory<float> Z);
