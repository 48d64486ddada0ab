namespace T2.Kernels.Gpu;

/// <summary>The contract of <see cref="IWeightKernel"/> for tensors that already are on a device, llama.cpp's own among them: nothing passes through the host but z and σ.</summary>
public interface IDeviceWeightKernel
{
    /// <summary>Computes σ and the smaller side's singular vectors of W.</summary>
    /// <param name="weight">W on the device, m·n fp32 values in row-major order. Not modified.</param>
    /// <param name="shape">m×n.</param>
    /// <param name="singularValues">Receives σ, r values, descending.</param>
    /// <param name="basis">Device memory that receives r×r fp32 values: row i is the singular vector of σᵢ.</param>
    /// <param name="cancellation">Observed between sweeps.</param>
    /// <exception cref="FactorizationException">W holds values that are not finite, or the sweeps did not converge.</exception>
    /// <exception cref="GpuOutOfMemoryException">The work space does not fit; all of it has been freed.</exception>
    void Factorize(DevicePointer weight, MatrixShape shape, Span<double> singularValues, DevicePointer basis, CancellationToken cancellation);

    /// <summary>Queues writing W' = U·diag(σ⊙z)·Vᵀ. Where z is 1 everywhere and the types are equal, the destination gets the source's very bytes.</summary>
    /// <param name="job">Source, basis, z and destination.</param>
    /// <exception cref="ArgumentException">Something about the job does not fit together. Nothing has been written.</exception>
    /// <exception cref="GpuOutOfMemoryException">The work space does not fit; all of it has been freed and nothing has been written.</exception>
    void Rebuild(in DeviceRebuildJob job);
}
