namespace T2.Training;

/// <summary>A group of trained values and their gradient.</summary>
/// <param name="Name">The weight they belong to, for z-vectors the weight's own name.</param>
/// <param name="Values">The values, Rows · Columns, row by row.</param>
/// <param name="Gradient">dLoss/dValues, as long as <paramref name="Values"/>; backward passes add to it.</param>
/// <param name="Rows">Rows; 1 for vectors.</param>
/// <param name="Columns">Columns.</param>
public sealed record ParameterTensor(string Name, float[] Values, float[] Gradient, int Rows, int Columns)
{
    /// <summary>Makes a tensor of zeros.</summary>
    public ParameterTensor(string name, int rows, int columns)
        : this(name, new float[rows * columns], new float[rows * columns], rows, columns)
    {
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Name} {Rows}×{Columns}";
}
