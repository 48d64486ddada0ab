namespace T2.Kernels;

/// <summary>One weight's place in a factor file.</summary>
/// <param name="WeightName">The weight's tensor name in the model.</param>
/// <param name="Shape">m×n of the weight; says which side is kept.</param>
/// <param name="Kernel">Name of the kernel that computed it.</param>
/// <param name="Offset">Byte offset of σ in the file, a multiple of 64; the basis follows at the next multiple of 64.</param>
/// <param name="ByteLength">Bytes from the first of σ to the last of the basis.</param>
/// <param name="Checksum">XxHash128 of those bytes.</param>
public sealed record FactorEntry(string WeightName, MatrixShape Shape, string Kernel, long Offset, long ByteLength, UInt128 Checksum);
