using T2.Kernels;

namespace T2.Training;

/// <summary>One weight of a model in fp32: <see cref="Rows"/> outputs of <see cref="Columns"/> contiguous inputs. Vectors (norms, biases) have one row.</summary>
/// <param name="Name">Its name in the GGUF file (<c>blk.0.ffn_gate.weight</c>).</param>
/// <param name="Values">Rows · Columns values, row by row.</param>
/// <param name="Rows">Outputs.</param>
/// <param name="Columns">Inputs.</param>
/// <param name="IsVector">Whether it is a norm or a bias, one-dimensional in the file.</param>
public sealed record ModelTensor(string Name, float[] Values, int Rows, int Columns, bool IsVector)
{
    /// <summary>Its shape as a matrix.</summary>
    public MatrixShape Shape => new(Rows, Columns);

    /// <inheritdoc/>
    public override string ToString() => $"{Name} {Rows}×{Columns}";
}
