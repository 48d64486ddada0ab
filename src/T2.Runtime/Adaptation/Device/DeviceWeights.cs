using T2.Kernels;
using T2.Kernels.Gpu;
using T2.Llama;
using T2.Weights;

namespace T2.Runtime;

/// <summary>
/// The weights of a model that lie on one GPU, in llama.cpp's own tensors: rebuilt there, kept there, and put in each other's place by copies within it. What
/// of the factors and the base stays on the GPU is for a <see cref="GpuMemoryPlan"/> to say, made of what is free when the first expert is applied. Not thread-safe.
/// </summary>
/// <param name="device">The GPU; disposed with this.</param>
/// <param name="tensors">The weights.</param>
/// <param name="cpuKernel">Rebuilds what the plan leaves to the CPU, and is what the GPU's results are compared with before they are first used.</param>
/// <param name="threads">Threads for that.</param>
/// <param name="options">What the plan may use.</param>
/// <param name="preparedBytes">Bytes that rebuilt experts may take on the GPU, if the plan leaves as many.</param>
internal sealed unsafe class DeviceWeights(
    IGpuDevice device, IReadOnlyList<LiveTensor> tensors, IWeightKernel cpuKernel, int threads, GpuPlanOptions options, long preparedBytes) : ITensorDevice, IDisposable
{
    private GpuModelRebuilder? _rebuilder;
    private bool _wasLost;
    private bool _isDisposed;

    /// <inheritdoc/>
    public string Name => device.Name;

    /// <summary>Bytes that rebuilt experts may take; 0 before <see cref="Prepare"/>.</summary>
    internal long PreparedBudget { get; private set; }

    /// <summary>
    /// Whether the GPU answers nothing any more, as after an access to an illegal address. Whatever llama.cpp then asks of it ends the process, freeing memory
    /// included.
    /// </summary>
    internal bool IsLost
    {
        get
        {
            if (_isDisposed)
                return _wasLost;
            try
            {
                WaitForReaders();
                return false;
            }
            catch (GpuException)
            {
                return true;
            }
        }
    }

    /// <summary>What it does with its memory; null before <see cref="Prepare"/>.</summary>
    internal GpuMemoryPlan? Plan { get; private set; }

    /// <summary>Hands the weights to this device.</summary>
    /// <exception cref="WeightAccessException">It has other bytes there than the file.</exception>
    internal void Attach()
    {
        WaitForReaders();
        foreach (var tensor in tensors)
            tensor.Attach(this);
    }

    /// <summary>Plans the memory and fills it, once; the weights are on their base. Then compares a rebuilt weight of each type with the CPU's.</summary>
    /// <param name="factors">Factors of the weights. Those that it has none of cannot be rebuilt.</param>
    /// <exception cref="GpuException">The GPU failed, or computes something else than the CPU.</exception>
    internal void Prepare(FactorStore factors)
    {
        if (_rebuilder is not null)
            return;
        WaitForReaders();
        var known = new List<(LiveTensor Tensor, MatrixFactors Factors)>();
        foreach (var tensor in tensors.OrderBy(static tensor => tensor.Stored.Offset))
        {
            if (factors.TryGet(tensor.Name, out var matrix))
                known.Add((tensor, matrix));
        }
        Plan = GpuMemoryPlan.For([.. known.Select(static weight => (weight.Tensor.Name, weight.Tensor.Stored.Type, weight.Factors.Shape))], modelBytes: 0, device.Memory.Free, options);
        var rebuilder = new GpuModelRebuilder(
            device,
            Plan,
            [.. Plan.Weights.Zip(known, (planned, weight) => new DeviceWeight(planned, Address(weight.Tensor.Pristine), weight.Factors.Basis, new((ulong)weight.Tensor.Address)))],
            cpuKernel,
            threads);
        try
        {
            DeviceSelfCheck.Run(device, rebuilder, cpuKernel, threads, Plan, [.. known.Select(static weight => (weight.Tensor, weight.Factors))]);
        }
        catch
        {
            rebuilder.Dispose();
            throw;
        }
        foreach (var (tensor, _) in known)
        {
            if (rebuilder.KeptBase(tensor.Name) is { } kept)
                tensor.KeepBase((nint)kept.Address);
            tensor.ReleasePristine();
            factors.Release(tensor.Name);
        }
        _rebuilder = rebuilder;
        PreparedBudget = Math.Clamp(Plan.FreeBytes, 0, preparedBytes);
    }

    /// <summary>From now on experts are written straight into the model.</summary>
    internal void GiveUpPreparing() => PreparedBudget = 0;

    /// <summary>Waits for what was queued, after a failure: errors have been reported.</summary>
    internal void Settle()
    {
        try
        {
            Finish();
        }
        catch (GpuException)
        {
            // The failure that brought us here says it.
        }
    }

    /// <summary>Waits until llama.cpp is done with the weights.</summary>
    internal void WaitForReaders() => LlamaContext.BetweenDecodes(device.WaitForOthers);

    /// <summary>Queues rebuilding a weight.</summary>
    /// <param name="step">The weight, its factors and z.</param>
    /// <param name="destination">Where to on the device: memory of the weight's length, or the live weight.</param>
    /// <param name="cancellation">Observed before anything is written.</param>
    internal void Rebuild(in RebuildStep step, nint destination, CancellationToken cancellation) =>
        _rebuilder!.Rebuild(step.Tensor.Name, step.Factors.Basis.Span, step.Z.Span, new DevicePointer((ulong)destination), cancellation);

    /// <inheritdoc/>
    public nint Allocate(long length)
    {
        try
        {
            return (nint)device.Allocate(length).Address;
        }
        catch (GpuOutOfMemoryException exception)
        {
            throw new InsufficientMemoryException(exception.Message, exception);
        }
    }

    /// <inheritdoc/>
    public void Free(nint start) => device.Free(new DevicePointer((ulong)start));

    /// <inheritdoc/>
    public void Copy(nint source, nint destination, long length) => device.Copy(new DevicePointer((ulong)source), new DevicePointer((ulong)destination), length);

    /// <inheritdoc/>
    public void Upload(ReadOnlySpan<byte> source, nint destination) => device.Upload(source, new DevicePointer((ulong)destination));

    /// <inheritdoc/>
    public void Download(nint source, Span<byte> destination) => device.Download(new DevicePointer((ulong)source), destination);

    /// <inheritdoc/>
    public void Finish()
    {
        if (_rebuilder is null)
            device.Synchronize();
        else
            _rebuilder.Finish();
    }

    /// <summary>Frees what it has on the GPU. The weights are on their base.</summary>
    public void Dispose()
    {
        if (_isDisposed)
            return;
        _wasLost = IsLost;
        _isDisposed = true;
        _rebuilder?.Dispose();
        device.Dispose();
    }

    // The mapped file's bytes, which do not move.
    private static nint Address(ReadOnlySpan<byte> pristine)
    {
        fixed (byte* start = pristine)
            return (nint)start;
    }
}
