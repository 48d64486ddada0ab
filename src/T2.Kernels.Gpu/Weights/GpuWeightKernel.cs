using T2.Gguf;

namespace T2.Kernels.Gpu;

/// <summary>
/// Factorises and rebuilds on a GPU. As <see cref="IDeviceWeightKernel"/> it works on device tensors where they are; as <see cref="IWeightKernel"/> it
/// uploads, works and downloads, for factors that go to the sidecar and for weights llama.cpp keeps on the CPU.
/// <para>
/// Bounds: factorise, σ within 10⁻¹²·σ₁ and a basis orthonormal to 10⁻⁷; rebuild before quantising, W' within (2⁻¹⁰ + r·2⁻²³)·max|z−1|·‖W‖ of
/// U·diag(σ⊙z)·Vᵀ in f16 or tf32, 2⁻⁷ instead of 2⁻¹⁰ in bf16, (r + 2)·2⁻²³ in fp32. Storing gives ggml's bits for the fp32 it is given.
/// </para>
/// Calls on one instance run one after the other, whatever thread they come from.
/// </summary>
public sealed class GpuWeightKernel : IWeightKernel, IDeviceWeightKernel
{
    private readonly IGpuDevice _device;
    private readonly DeviceRebuilder _rebuilder;
    private readonly DeviceFactorizer _factorizer;
    private readonly RebuildPrecision _precision;
    private readonly Lock _lock = new();

    /// <param name="device">The device; stays the caller's to dispose, after this kernel's last use.</param>
    /// <param name="precision">Arithmetic of rebuilds that come through <see cref="IWeightKernel"/>.</param>
    public GpuWeightKernel(IGpuDevice device, RebuildPrecision precision = RebuildPrecision.Auto)
    {
        ArgumentNullException.ThrowIfNull(device);
        _device = device;
        _rebuilder = new DeviceRebuilder(device);
        _factorizer = new DeviceFactorizer(device);
        _precision = precision;
    }

    /// <inheritdoc/>
    public string Name => "gpu";

    /// <summary>Work space of factorising a weight, bytes, without W in fp32 and the basis.</summary>
    public static long FactorizeBytes(MatrixShape shape) => DeviceFactorizer.WorkspaceBytes(shape);

    /// <summary>Work space of rebuilding a weight, bytes, without source, basis and destination.</summary>
    public static long RebuildBytes(MatrixShape shape) => DeviceRebuilder.WorkspaceBytes(shape);

    /// <inheritdoc/>
    public void Factorize(DevicePointer weight, MatrixShape shape, Span<double> singularValues, DevicePointer basis, CancellationToken cancellation)
    {
        lock (_lock)
            _factorizer.Run(weight, shape, singularValues, basis, cancellation);
    }

    /// <inheritdoc/>
    public void Rebuild(in DeviceRebuildJob job)
    {
        lock (_lock)
            _rebuilder.Run(job);
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">A span's length does not fit the shape.</exception>
    /// <exception cref="FactorizationException">The weight holds values that are not finite, or the sweeps did not converge.</exception>
    /// <exception cref="GpuException">The device failed or has too little memory.</exception>
    public void Factorize(ReadOnlySpan<float> weight, MatrixShape shape, Span<double> singularValues, Span<float> basis, int threads, CancellationToken cancellation)
    {
        DeviceJobChecks.CheckShape(shape);
        CheckLength(nameof(weight), weight.Length, shape.Length, shape);
        CheckLength(nameof(basis), basis.Length, (long)shape.Rank * shape.Rank, shape);
        lock (_lock)
        {
            using var buffers = new DeviceBuffers(_device);
            var weightOnDevice = buffers.Allocate(shape.Length * sizeof(float));
            var basisOnDevice = buffers.Allocate((long)shape.Rank * shape.Rank * sizeof(float));
            _device.Upload(weight, weightOnDevice);
            _factorizer.Run(weightOnDevice, shape, singularValues, basisOnDevice, cancellation);
            _device.Download(basisOnDevice, basis);
        }
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">Something about the job does not fit together. Nothing has been written.</exception>
    /// <exception cref="NotSupportedException">No kernel handles one of the types.</exception>
    /// <exception cref="GpuException">The device failed or has too little memory. Nothing has been written.</exception>
    public void Rebuild(in RebuildJob job, int threads, CancellationToken cancellation)
    {
        DeviceJobChecks.CheckShape(job.Shape);
        CheckLength("Source", job.Source.Length, BytesOf(job.SourceType, job.Shape), job.Shape);
        CheckLength("Destination", job.Destination.Length, BytesOf(job.DestinationType, job.Shape), job.Shape);
        CheckLength("Basis", job.Basis.Length, (long)job.Shape.Rank * job.Shape.Rank, job.Shape);
        if (job.Source.Overlaps(job.Destination))
            throw new ArgumentException("Source and Destination overlap; the delta must start from pristine bytes.", nameof(job));
        cancellation.ThrowIfCancellationRequested();
        lock (_lock)
        {
            using var buffers = new DeviceBuffers(_device);
            var source = buffers.Allocate(job.Source.Length);
            var basis = buffers.Allocate((long)job.Basis.Length * sizeof(float));
            var destination = buffers.Allocate(job.Destination.Length);
            _device.Upload(job.Source, source);
            _device.Upload(job.Basis, basis);
            _rebuilder.Run(new DeviceRebuildJob
            {
                Source = source,
                SourceType = job.SourceType,
                Shape = job.Shape,
                Basis = basis,
                Z = job.Z,
                Destination = destination,
                DestinationType = job.DestinationType,
                Precision = _precision,
            });
            _device.Download(destination, job.Destination);
        }
    }

    private static long BytesOf(TensorType type, MatrixShape shape) => TensorTypes.TryGetInfo(type, out var info)
        ? info.BytesFor(shape.Columns) * shape.Rows
        : throw new ArgumentException($"Tensor type {(uint)type} is unknown.");

    private static void CheckLength(string what, long actual, long expected, MatrixShape shape)
    {
        if (actual != expected)
            throw new ArgumentException($"{what} has length {actual}; shape {shape} needs {expected}.");
    }
}
