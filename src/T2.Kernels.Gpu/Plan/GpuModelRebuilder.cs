namespace T2.Kernels.Gpu;

/// <summary>
/// Carries out a <see cref="GpuMemoryPlan"/>: rebuilds a model's weights on a device. Pristine weights come from a copy kept there, or from the model file
/// each time; two slots let the next weight's bytes (and streamed factors) travel while the one before is rebuilt.
/// </summary>
public sealed unsafe class GpuModelRebuilder : IDisposable
{
    private readonly IGpuDevice _device;
    private readonly GpuWeightKernel _kernel;
    private readonly IWeightKernel _cpuKernel;
    private readonly RebuildPrecision _precision;
    private readonly int _threads;
    private readonly Dictionary<string, DeviceWeight> _weights;
    private readonly Dictionary<string, DevicePointer> _kept = new(StringComparer.Ordinal);
    private readonly Dictionary<string, DevicePointer> _resident = new(StringComparer.Ordinal);
    private readonly Dictionary<string, nint> _pinned = new(StringComparer.Ordinal);
    private readonly DeviceBuffers _buffers;
    private readonly DevicePointer[] _slots = new DevicePointer[2];
    private readonly GpuEvent?[] _free = new GpuEvent?[2];
    private int _next;
    private nint _staging;

    /// <summary>Allocates what the plan says, copies the base where it is to be kept, uploads the resident factors and copies the streamed ones to page-locked memory.</summary>
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
        (_device, _cpuKernel, _threads, _precision) = (device, cpuKernel, threads, precision);
        _weights = weights.ToDictionary(static weight => weight.Plan.Name, StringComparer.Ordinal);
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

    /// <summary>Where the base's bytes of a weight are kept on the device; null where they come from the file.</summary>
    public DevicePointer? KeptBase(string name) => _kept.TryGetValue(name, out var kept) ? kept : null;

    /// <summary>Queues rebuilding one weight. What has been queued so is there after <see cref="Finish"/>.</summary>
    /// <param name="name">The weight.</param>
    /// <param name="basis">Its factors, r×r fp32: read where the plan leaves the weight to the CPU.</param>
    /// <param name="z">Effective z; all ones give the base's very bytes.</param>
    /// <param name="destination">Where to write it: the live tensor, or memory of the same length.</param>
    /// <param name="cancellation">Observed before anything is written, and by weights rebuilt on the CPU.</param>
    public void Rebuild(string name, ReadOnlySpan<float> basis, ReadOnlySpan<float> z, DevicePointer destination, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        var weight = _weights[name];
        if (z.IndexOfAnyExcept(1f) < 0)
            Restore(weight, destination);
        else if (weight.Plan.Placement == FactorPlacement.Cpu)
            RebuildOnCpu(weight, basis, z, destination, cancellation);
        else
            RebuildOnDevice(weight, z, destination);
    }

    /// <summary>Waits for the rebuilds. To be called after a failure or cancellation too: it lets go of what they held.</summary>
    /// <exception cref="GpuException">One of them failed.</exception>
    public void Finish()
    {
        // An event is released by waiting for it.
        for (var slot = 0; slot < _free.Length; slot++)
        {
            if (_free[slot] is not { } pending)
                continue;
            _free[slot] = null;
            _device.Wait(GpuStream.Copy, pending);
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
        if (plan.KeepsBase)
            KeepBase(plan.ExpertBytes);
        // One block: drivers give memory out in pages of 2 MiB, and hundreds of blocks that end within one would take of the reserve what the plan does not count.
        var residentBytes = _weights.Values.Where(static weight => weight.Plan.Placement == FactorPlacement.Resident).Sum(static weight => DeviceArena.Aligned(weight.Plan.FactorBytes));
        using var resident = residentBytes == 0 ? null : new DeviceArena(_buffers.Allocate(residentBytes), residentBytes);
        foreach (var weight in _weights.Values)
        {
            var bytes = weight.Plan.FactorBytes;
            if (weight.Plan.Placement == FactorPlacement.Resident)
            {
                var pointer = resident!.Allocate(bytes);
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
        var staging = _weights.Values.Where(static weight => weight.Plan.Placement == FactorPlacement.Cpu).Select(static weight => weight.Plan.WeightBytes).DefaultIfEmpty().Max();
        if (staging > 0)
            _staging = _device.AllocatePinned(staging);
        _device.Synchronize();
    }

    private void KeepBase(long bytes)
    {
        var next = _buffers.Allocate(bytes);
        foreach (var weight in _weights.Values)
        {
            _device.Copy(weight.Live, next, weight.Plan.WeightBytes);
            _kept.Add(weight.Plan.Name, next);
            next += PlanMemory.AlignedWeightBytes(weight.Plan);
        }
    }

    private void Restore(DeviceWeight weight, DevicePointer destination)
    {
        if (KeptBase(weight.Plan.Name) is { } kept)
            _device.Copy(kept, destination, weight.Plan.WeightBytes);
        else
            _device.Upload((byte*)weight.Source, destination, weight.Plan.WeightBytes, GpuStream.Compute);
    }

    private void RebuildOnDevice(DeviceWeight weight, ReadOnlySpan<float> z, DevicePointer destination)
    {
        var isKept = _kept.TryGetValue(weight.Plan.Name, out var source);
        var isResident = _resident.TryGetValue(weight.Plan.Name, out var basis);
        var slot = _next;
        if (!isKept || !isResident)
        {
            _next = (_next + 1) % _slots.Length;
            if (_free[slot] is { } moment)
            {
                _free[slot] = null;
                _device.Wait(GpuStream.Copy, moment);
            }
            var place = _slots[slot];
            if (!isKept)
            {
                source = place;
                place += PlanMemory.AlignedWeightBytes(weight.Plan);
                _device.Upload((byte*)weight.Source, source, weight.Plan.WeightBytes, GpuStream.Copy);
            }
            if (!isResident)
            {
                basis = place;
                _device.Upload((byte*)_pinned[weight.Plan.Name], basis, weight.Plan.FactorBytes, GpuStream.Copy);
            }
            _device.Wait(GpuStream.Compute, _device.Record(GpuStream.Copy));
        }
        _kernel.Rebuild(new DeviceRebuildJob
        {
            Source = source,
            SourceType = weight.Plan.Type,
            Shape = weight.Plan.Shape,
            Basis = basis,
            Z = z,
            Destination = destination,
            DestinationType = weight.Plan.Type,
            Precision = _precision,
        });
        if (!isKept || !isResident)
            _free[slot] = _device.Record(GpuStream.Compute);
    }

    private void RebuildOnCpu(DeviceWeight weight, ReadOnlySpan<float> basis, ReadOnlySpan<float> z, DevicePointer destination, CancellationToken cancellation)
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
                Basis = basis,
                Z = z,
                Destination = new Span<byte>((void*)_staging, bytes),
                DestinationType = weight.Plan.Type,
            },
            _threads, cancellation);
        _device.Upload((byte*)_staging, destination, bytes, GpuStream.Compute);
    }
}
