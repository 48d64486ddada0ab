using T2.Kernels;

namespace T2.Training;

/// <summary>A weight packed for y = x·Wᵀ or, backward, for dx = dy·W.</summary>
internal sealed unsafe class PackedWeight : IDisposable
{
    private readonly FloatBuffer _packed = new();
    private int _outputs;
    private int _inputs;

    /// <summary>Packs W (rows are outputs); backward, products with it give dx.</summary>
    public void Pack(ModelTensor tensor, float[] values, bool backward)
    {
        (_outputs, _inputs) = backward ? (tensor.Columns, tensor.Rows) : (tensor.Rows, tensor.Columns);
        fixed (float* w = values)
            Sgemm.Pack(_outputs, _inputs, w, tensor.Columns, !backward, _packed.Reserve(Sgemm.PackedLength(_outputs, _inputs)));
    }

    /// <summary>y = x·packed, or y += x·packed, for <paramref name="rows"/> rows.</summary>
    public void Multiply(float* x, float* y, int rows, bool accumulate = false) =>
        Sgemm.MultiplyPacked(rows, _outputs, _inputs, x, _inputs, _packed.Pointer, y, _outputs, accumulate);

    public void Dispose() => _packed.Dispose();
}
