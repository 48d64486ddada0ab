using T2.Gguf;

namespace T2.Kernels.Gpu;

/// <summary>One weight of a plan.</summary>
/// <param name="Name">Its tensor's name.</param>
/// <param name="Type">Its element type.</param>
/// <param name="Shape">m×n.</param>
/// <param name="Placement">Where it is rebuilt, and from where.</param>
/// <param name="Reason">Why not better, in a few words; empty for <see cref="FactorPlacement.Resident"/>.</param>
public sealed record PlannedWeight(string Name, TensorType Type, MatrixShape Shape, FactorPlacement Placement, string Reason)
{
    /// <summary>Bytes of the weight.</summary>
    public long WeightBytes => TensorTypes.Info(Type).BytesFor(Shape.Columns) * Shape.Rows;

    /// <summary>Bytes of its basis, r×r fp32.</summary>
    public long FactorBytes => (long)Shape.Rank * Shape.Rank * sizeof(float);
}
