namespace T2.Kernels.Gpu;

/// <summary>One weight of a model on a device.</summary>
/// <param name="Plan">Its place in the plan.</param>
/// <param name="Source">The pristine weight in host memory (the mapped model file), <see cref="PlannedWeight.WeightBytes"/> long; must outlive the rebuilder.</param>
/// <param name="Basis">Its factors, r×r fp32; read when the rebuilder is made.</param>
/// <param name="Live">The model's own tensor on the device; holds the pristine weight when the rebuilder is made.</param>
public sealed record DeviceWeight(PlannedWeight Plan, nint Source, ReadOnlyMemory<float> Basis, DevicePointer Live);
