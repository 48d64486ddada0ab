namespace T2.Kernels.Gpu;

/// <summary>One weight of a model on a device.</summary>
/// <param name="Plan">Its place in the plan.</param>
/// <param name="Source">The pristine weight in host memory (the mapped model file), <see cref="PlannedWeight.WeightBytes"/> long; must outlive the rebuilder.</param>
/// <param name="Basis">Its factors, r×r fp32; must outlive the rebuilder unless streamed or resident.</param>
/// <param name="Destination">The live tensor on the device.</param>
public sealed record DeviceWeight(PlannedWeight Plan, nint Source, ReadOnlyMemory<float> Basis, DevicePointer Destination);

/// <summary>
/// Carries out a <see cref="GpuMemoryPlan"/>: writes an expert into the live tensors of a model on a device. Pristine weights come from the model file each
/// time; two slots let the next weight's bytes (and streamed factors) travel while the one before is rebuilt.
/// </summary>
public sealed unsafe class GpuModelRebuilder : IDisposable
{
    private readonly IGpuDevice _device;
    private readonly GpuWeightKernel _kernel;
    private readonly IWeightKernel _cpuKernel;
    private readonly RebuildPrecision _precision;
    private readonly int _threads;
    private readonly IReadOnlyList<DeviceWeight> _weights;
    private readonly Dictionary<string, DevicePointer> _resident = new(StringComparer.Ordinal);
    private readonly Dictionary<string, nint> _pinned = new(StringComparer.Ordinal);
    private readonly DeviceBuffers _buffers;
    private readonly DevicePointer[] _slots = new DevicePointer[2];
    private nint _staging;

    /// <summary>Allocates what the plan says, uploads the resident factors and copies the streamed ones to page-locked memory.</summary>
    /// <param name="device">The device; stays the caller's to dispose, after this.</param>
    /// <param name="plan">The plan.</param>
    /// <param name="weights">Every weight of the plan.</param>
    /// <param name="cpuKernel">Rebuilds the weights the plan leaves to the CPU.</param>
    /// <param name="threads">Upper bound of threads for that.</param>
    /// <param name="precision">Arithmetic of rebuilds on the device.</param>
    /// <exception cref="GpuOutOfMemoryException">The plan does not fit after all; everything has been freed.</exception>
    public GpuModelRebuilder(
        IGpuDevice device, GpuMemoryPlan plan, IReadOnlyList<DeviceWeight> weights, IWeightKernel cpuKernel, int threads, RebuildPrecision precision = RebuildPrecision.Auto)
    {
        ArgumentNullException.ThrowIfNull(device);
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(weights);
        ArgumentNullException.ThrowIfNull(cpuKernel);
        (_device, _weights, _cpuKernel, _threads, _precision) = (device, weights, cpuKernel, threads, precision);
        _kernel = new GpuWeightKernel(device, precision);
        _buffers = new DeviceBuffers(device);
        try
        {
            Prepare(plan);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Writes an expert into every weight, and waits until all of it is there.</summary>
    /// <param name="vectorOf">Effective z of a weight by name; null for the base weight.</param>
    /// <param name="cancellation">Observed between weights; those before are then on the new expert, those after on the old one, and the caller writes the model again.</param>
    public void Rebuild(Func<string, ReadOnlyMemory<float>?> vectorOf, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(vectorOf);
        var free = new GpuEvent?[_slots.Length];
        try
        {
            var next = 0;
            foreach (var weight in _weights)
            {
                cancellation.ThrowIfCancellationRequested();
                var z = vectorOf(weight.Plan.Name);
                if (z is null || z.Value.Span.IndexOfAnyExcept(1f) < 0)
                    _device.Upload((byte*)weight.Source, weight.Destination, weight.Plan.WeightBytes, GpuStream.Compute);
                else if (weight.Plan.Placement == FactorPlacement.Cpu)
                    RebuildOnCpu(weight, z.Value.Span, cancellation);
                else
                    RebuildOnDevice(weight, z.Value.Span, next++ % _slots.Length, free);
            }
        }
        finally
        {
            // An event is released by waiting for it.
            foreach (var moment in free)
            {
                if (moment is { } pending)
                    _device.Wait(GpuStream.Copy, pending);
            }
        }
        _device.Synchronize();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _buffers.Dispose();
        _kernel.Dispose();
        foreach (var pointer in _pinned.Values)
            _device.FreePinned(pointer);
        _pinned.Clear();
        if (_staging != 0)
            _device.FreePinned(_staging);
        _staging = 0;
    }

    private void Prepare(GpuMemoryPlan plan)
    {
        _kernel.Reserve(plan.WorkspaceBytes);
        if (plan.SlotBytes > 0)
        {
            for (var i = 0; i < _slots.Length; i++)
                _slots[i] = _buffers.Allocate(plan.SlotBytes);
        }
        foreach (var weight in _weights)
        {
            var bytes = weight.Plan.FactorBytes;
            if (weight.Plan.Placement == FactorPlacement.Resident)
            {
                var pointer = _buffers.Allocate(bytes);
                _device.Upload(weight.Basis.Span, pointer);
                _resident.Add(weight.Plan.Name, pointer);
            }
            else if (weight.Plan.Placement == FactorPlacement.Streamed)
            {
                var pointer = _device.AllocatePinned(bytes);
                _pinned.Add(weight.Plan.Name, pointer);
                weight.Basis.Span.CopyTo(new Span<float>((void*)pointer, weight.Basis.Length));
            }
        }
        var staging = _weights.Where(static weight => weight.Plan.Placement == FactorPlacement.Cpu).Select(static weight => weight.Plan.WeightBytes).DefaultIfEmpty().Max();
        if (staging > 0)
            _staging = _device.AllocatePinned(staging);
    }

    private void RebuildOnDevice(DeviceWeight weight, ReadOnlySpan<float> z, int slot, GpuEvent?[] free)
    {
        var source = _slots[slot];
        if (free[slot] is { } moment)
        {
            free[slot] = null;
            _device.Wait(GpuStream.Copy, moment);
        }
        _device.Upload((byte*)weight.Source, source, weight.Plan.WeightBytes, GpuStream.Copy);
        if (!_resident.TryGetValue(weight.Plan.Name, out var basis))
        {
            basis = source + PlanMemory.AlignedWeightBytes(weight.Plan);
            _device.Upload((byte*)_pinned[weight.Plan.Name], basis, weight.Plan.FactorBytes, GpuStream.Copy);
        }
        _device.Wait(GpuStream.Compute, _device.Record(GpuStream.Copy));
        _kernel.Rebuild(new DeviceRebuildJob
        {
            Source = source,
            SourceType = weight.Plan.Type,
            Shape = weight.Plan.Shape,
            Basis = basis,
            Z = z,
            Destination = weight.Destination,
            DestinationType = weight.Plan.Type,
            Precision = _precision,
        });
        free[slot] = _device.Record(GpuStream.Compute);
    }

    private void RebuildOnCpu(DeviceWeight weight, ReadOnlySpan<float> z, CancellationToken cancellation)
    {
        var bytes = checked((int)weight.Plan.WeightBytes);
        // The upload before may still be reading the staging memory.
        _device.Synchronize();
        _cpuKernel.Rebuild(
            new RebuildJob
            {
                Source = new ReadOnlySpan<byte>((void*)weight.Source, bytes),
                SourceType = weight.Plan.Type,
                Shape = weight.Plan.Shape,
                Basis = weight.Basis.Span,
                Z = z,
                Destination = new Span<byte>((void*)_staging, bytes),
                DestinationType = weight.Plan.Type,
            },
            _threads, cancellation);
        _device.Upload((byte*)_staging, weight.Destination, bytes, GpuStream.Compute);
    }
}
