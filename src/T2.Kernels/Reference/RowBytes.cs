using T2.Gguf;
using T2.Gguf.Quantization;

namespace T2.Kernels;

/// <summary>Whole rows of a weight in its own element type, read and written as fp32. The memory must outlive it.</summary>
internal readonly unsafe struct RowBytes(byte* data, TensorType type, int columns)
{
    private readonly nint _rowBytes = (nint)TensorTypes.Info(type).BytesFor(columns);

    public void Read(int firstRow, int rows, Span<float> values) =>
        Quantizer.Dequantize(type, new ReadOnlySpan<byte>(data + (firstRow * _rowBytes), checked((int)(rows * _rowBytes))), values);

    public void Write(int firstRow, int rows, ReadOnlySpan<float> values) =>
        Quantizer.Quantize(type, values, new Span<byte>(data + (firstRow * _rowBytes), checked((int)(rows * _rowBytes))), columns);
}
