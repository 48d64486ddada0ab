using ILGPU;

namespace T2.Kernels.Gpu.Compiler;

/// <summary>How a ggml type stores values: <see cref="Length"/> consecutive values of a row in <see cref="Bytes"/> bytes.</summary>
internal interface IBlockFormat
{
    /// <summary>Values per block.</summary>
    static abstract int Length { get; }

    /// <summary>Bytes per block.</summary>
    static abstract int Bytes { get; }

    /// <summary>Value <paramref name="index"/> of the block that starts at byte <paramref name="block"/>. No alignment is assumed: blocks are 2-byte aligned at best.</summary>
    static abstract float Read(ArrayView<byte> source, int block, int index);
}
