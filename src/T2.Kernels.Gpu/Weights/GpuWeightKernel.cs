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
public sealed class GpuWeightKernel : IWeightKernel, IDeviceWeightKernel, IDisposable
{
    private readonly IGpuDevice _device;
    private readonly DeviceRebuilder _rebuilder;
    private readonly DeviceFactorizer _factorizer;
    private readonly RebuildPrecision _precision;
    private readonly Lock _lock = new();
    private DevicePointer _reserved;
    private long _reservedBytes;

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
        {
            using var workspace = Workspace(job.Shape);
            _rebuilder.Run(job, workspace);
        }
    }

    /// <summary>
    /// Keeps device memory for the work space of rebuilds, so that they neither allocate nor wait. Rebuilds that need more than was reserved allocate as they
    /// would without.
    /// </summary>
    /// <param name="bytes"><see cref="RebuildBytes"/> of the largest weight; 0 gives the memory back.</param>
    /// <exception cref="GpuOutOfMemoryException">It does not fit; nothing is reserved then.</exception>
    public void Reserve(long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        lock (_lock)
        {
            if (_reservedBytes > 0)
                _device.Free(_reserved);
            _reservedBytes = 0;
            if (bytes > 0)
                _reserved = _device.Allocate(bytes);
            _reservedBytes = bytes;
        }
    }

    /// <summary>Gives back what <see cref="Reserve"/> holds. The kernel stays usable.</summary>
    public void Dispose() => Reserve(0);

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">A span's length does not fit the shape.</exception>
    /// <exception cref="FactorizationException">The weight holds values that are not finite, or the sweeps did not converge.</exception>
    /// <exception cref="GpuException">The device failed or has too little memory.</exception>
    public void Factorize(ReadOnlySpan<float> weight, MatrixShape shape, Span<double> singularValues, Span<float> basis, int threads, CancellationToken cancellation)
    {
        KernelArguments.CheckFactorize(weight, shape, singularValues, basis, threads);
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
        KernelArguments.CheckRebuild(job, threads);
        cancellation.ThrowIfCancellationRequested();
        lock (_lock)
        {
            using var buffers = new DeviceBuffers(_device);
            var source = buffers.Allocate(job.Source.Length);
            var basis = buffers.Allocate((long)job.Basis.Length * sizeof(float));
            var destination = buffers.Allocate(job.Destination.Length);
            _device.Upload(job.Source, source);
            _device.Upload(job.Basis, basis);
            using var workspace = Workspace(job.Shape);
            var onDevice = new DeviceRebuildJob
            {
                Source = source,
                SourceType = job.SourceType,
                Shape = job.Shape,
                Basis = basis,
                Z = job.Z,
                Destination = destination,
                DestinationType = job.DestinationType,
                Precision = _precision,
            };
            _rebuilder.Run(onDevice, workspace);
            _device.Download(destination, job.Destination);
        }
    }

    private IDeviceMemory Workspace(MatrixShape shape) =>
        RebuildBytes(shape) <= _reservedBytes ? new DeviceArena(_reserved, _reservedBytes) : new DeviceBuffers(_device);
}
