using System.Diagnostics;
using T2.Gguf;
using T2.Gguf.Experts;
using T2.Kernels;
using T2.Kernels.Gpu;
using T2.Weights;

namespace T2.Runtime;

/// <summary>
/// Holds a loaded model's weights in one of two states: fully on one expert, or bit-exactly on the base. Rebuilt experts are kept within a memory budget,
/// least recently used ones given up first. Knows nothing of how the model was loaded, so it serves any llama.cpp in the process. Not thread-safe: the
/// caller sees to it that no decode of the model runs during <see cref="Apply"/> and <see cref="Reset"/>.
/// </summary>
public sealed partial class WeightAdapter : IDisposable
{
    private readonly LiveWeights _weights;
    private readonly IWeightKernel _kernel;
    private readonly int _threads;
    private readonly AdaptedPrecision _precision;
    private readonly PreparedExperts _prepared;
    private readonly IReadOnlyList<DeviceWeights> _devices;
    private readonly Dictionary<Expert, ExpertDeltas> _deltas = new(ReferenceEqualityComparer.Instance);
    private PreparedExpert? _shown;

    // A switch has begun and not ended: what the weights hold is not known.
    private bool _isTorn;

    /// <summary>Creates the adapter of a model that is on its base.</summary>
    /// <param name="weights">The live weights of the model; the file they were found by must outlive the adapter.</param>
    /// <param name="kernel">Rebuilds weights.</param>
    /// <param name="threads">Threads a rebuild may use, ≥ 1.</param>
    /// <param name="preparedBudget">Bytes that rebuilt experts may take; the one in use is kept whatever it takes.</param>
    /// <param name="precision">The type of rebuilt weights; the base's own where finer ones would not fit the budget.</param>
    public WeightAdapter(LiveWeights weights, IWeightKernel kernel, int threads, long preparedBudget = 0, AdaptedPrecision precision = AdaptedPrecision.Base)
        : this(weights, kernel, threads, preparedBudget, precision, [])
    {
    }

    /// <summary>Creates the adapter of a model some of whose weights GPUs rebuild; it disposes them.</summary>
    internal WeightAdapter(LiveWeights weights, IWeightKernel kernel, int threads, long preparedBudget, AdaptedPrecision precision, IReadOnlyList<DeviceWeights> devices)
    {
        ArgumentNullException.ThrowIfNull(weights);
        ArgumentNullException.ThrowIfNull(kernel);
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(preparedBudget);
        _weights = weights;
        _kernel = kernel;
        _threads = threads;
        _precision = precision;
        _devices = devices;
        _prepared = new PreparedExperts(preparedBudget, devices);
    }

    /// <summary>The expert the weights are on; null on the base.</summary>
    public Expert? Current { get; private set; }

    /// <summary>Changes whenever the weights do: state computed under another epoch (a KV cache) is stale.</summary>
    public long Epoch { get; private set; }

    /// <summary>Bytes of host memory that rebuilt experts take, beside the base.</summary>
    public long PreparedBytes => _prepared.ByteLength;

    /// <summary>Bytes of GPU memory that rebuilt experts take, beside the base.</summary>
    public long PreparedDeviceBytes => _devices.Sum(_prepared.Taken);

    /// <summary>Whether a GPU with weights of the model answers nothing any more: llama.cpp may then be asked for nothing, not even to free what it has there.</summary>
    internal bool HasLostDevice => _devices.Any(static device => device.IsLost);

    /// <summary>Bytes of memory that kept deltas take.</summary>
    public long DeltaBytes => _deltas.Values.Sum(static deltas => deltas.ByteLength);

    /// <summary>
    /// Makes the model compute with U·diag(σ⊙z)·Vᵀ for every weight the expert adapts, and with the base's for every other. All weights are rebuilt before
    /// the first becomes live; a GPU without room for that writes its own when they do, and if that fails writes the base again. An expert whose z is 1
    /// everywhere leaves the base's very bytes.
    /// </summary>
    /// <param name="expert">An expert that <see cref="ExpertFit.Verify"/> has accepted for this model.</param>
    /// <param name="factors">Factors of at least the weights the expert adapts.</param>
    /// <param name="cancellation">Cancels between panels of a weight; the model is then bit-exactly on its base.</param>
    /// <exception cref="WeightAccessException">A weight cannot be rebuilt; nothing was changed.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; the model is on its base.</exception>
    /// <exception cref="GpuException">A GPU failed. The model is on its base, or, where the GPU does nothing any more, refused until it can be brought there.</exception>
    public RebuildReport Apply(Expert expert, FactorStore factors, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(expert);
        ArgumentNullException.ThrowIfNull(factors);
        if (ReferenceEquals(expert, Current))
            return new RebuildReport(0, 0, 0, TimeSpan.Zero);
        try
        {
            return ApplyAnew(expert, factors, cancellation);
        }
        catch (GpuException)
        {
            // A GPU that is lost may have failed before any weight was touched: then the weights are the base's, but llama.cpp's next decode would end the process.
            if (!_isTorn && HasLostDevice)
            {
                Epoch++;
                Current = null;
                _isTorn = true;
            }
            throw;
        }
    }

    private RebuildReport ApplyAnew(Expert expert, FactorStore factors, CancellationToken cancellation)
    {
        long started = Stopwatch.GetTimestamp();
        if (_isTorn)
            Restore();
        foreach (var device in _devices)
            device.Prepare(factors);
        // A mixture of one expert at weight 1 is that expert, bit for bit.
        var own = expert;
        while (own.Parts is [{ Weight: 1 } only])
            own = only.Expert;
        var prepared = _prepared.Find(own);
        int rebuilt = 0, mixed = 0, loaded = 0;
        string? note = null;
        if (prepared is null && MixtureOf(own) is { } parts)
        {
            prepared = Mix(own, parts, out note, cancellation);
            mixed = prepared.Weights;
        }
        else if (prepared is null)
        {
            (prepared, note) = Prepare(own, factors, cancellation);
            (rebuilt, loaded) = prepared.IsFromFile ? (0, prepared.Weights) : (prepared.Weights, 0);
        }
        if (!ReferenceEquals(prepared, _shown))
            Show(prepared, cancellation);
        Current = expert;
        return new RebuildReport(prepared.Weights, rebuilt, prepared.ByteLength, Stopwatch.GetElapsedTime(started))
        {
            Mixed = mixed,
            Raised = prepared.Raised,
            Loaded = loaded,
            OnDevice = prepared.OnDevice,
            InPlace = prepared.InPlace.Count,
            Note = note,
        };
    }

    /// <summary>
    /// Keeps what an expert adds to the weights, so that a mixture of such experts is a sum: memory traffic, no products of matrices. Takes two bytes a weight
    /// (four for F32 weights), beside the budget, until <see cref="ReleaseDeltas"/>. A mixture so made has the error of the deltas' type (relative 2⁻¹¹ of each
    /// delta for F16, 2⁻⁸ for BF16) before it is quantised.
    /// </summary>
    /// <param name="expert">An expert that <see cref="ExpertFit.Verify"/> has accepted for this model.</param>
    /// <param name="factors">Factors of at least the weights the expert adapts.</param>
    /// <param name="cancellation">Cancels; nothing is kept then.</param>
    /// <exception cref="NotSupportedException">The kernel cannot sum deltas, or a GPU has the weights: it rebuilds a mixture from its z.</exception>
    /// <exception cref="WeightAccessException">A weight cannot be rebuilt, or its delta is too large to be kept.</exception>
    public void KeepDeltas(Expert expert, FactorStore factors, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(expert);
        ArgumentNullException.ThrowIfNull(factors);
        if (_kernel is not IMixtureKernel kernel)
            throw new NotSupportedException($"Kernel '{_kernel.Name}' cannot keep experts as deltas; the native one can.");
        if (expert.Vectors.Keys.FirstOrDefault(name => _weights.Require(name).Device is not null) is { } elsewhere)
            throw new NotSupportedException($"Weight '{elsewhere}' lies on {_weights.Require(elsewhere).Device!.Name}, which rebuilds mixtures from their z; deltas are kept for weights on a CPU.");
        if (!_deltas.ContainsKey(expert))
            _deltas.Add(expert, ExpertDeltas.Compute(expert, Plan(expert, factors), factors, kernel, _threads, cancellation));
    }

    /// <summary>Gives up all kept deltas. The weights stay as they are.</summary>
    public void ReleaseDeltas()
    {
        foreach (var deltas in _deltas.Values)
            deltas.Dispose();
        _deltas.Clear();
    }

    /// <summary>Returns the model bit-exactly to its base. Rebuilt experts stay in memory, within the budget.</summary>
    /// <exception cref="GpuException">A GPU failed; the model is refused until it can be brought to its base.</exception>
    public RebuildReport Reset()
    {
        long started = Stopwatch.GetTimestamp();
        if (_isTorn)
            Restore();
        LiveTensor[] shown = [.. _weights.Tensors.Values.Where(static tensor => tensor.Shown is not null)];
        if (shown.Length > 0)
        {
            Switch(() =>
            {
                foreach (var tensor in shown)
                    tensor.Show(null);
            });
        }
        Current = null;
        return new RebuildReport(shown.Length, 0, shown.Sum(static tensor => tensor.LiveLength), Stopwatch.GetElapsedTime(started));
    }

    /// <summary>Returns the model to its base and gives up every rebuilt expert. The model must still be loaded.</summary>
    public void Dispose()
    {
        try
        {
            Reset();
        }
        catch (GpuException)
        {
            // The model is about to go; a GPU that has failed cannot be told anything.
        }
        _prepared.Clear();
        ReleaseDeltas();
        foreach (var device in _devices)
            device.Dispose();
    }

    private void Show(PreparedExpert prepared, CancellationToken cancellation)
    {
        try
        {
            Switch(() =>
            {
                prepared.Show(_weights.Tensors.Values);
                foreach (var step in prepared.InPlace)
                    ((DeviceWeights)step.Tensor.Device!).Rebuild(step, step.Tensor.Address, cancellation);
            });
            _shown = prepared;
        }
        catch
        {
            if (prepared.InPlace.Count > 0)
                prepared.Dispose();
            throw;
        }
    }

    /// <summary>Changes what weights show. Should that fail, the model goes back to its base.</summary>
    private void Switch(Action change)
    {
        // From here on whatever was computed under the old weights is stale.
        Epoch++;
        var before = _shown;
        _shown = null;
        Current = null;
        _isTorn = true;
        try
        {
            foreach (var device in _devices)
                device.WaitForReaders();
            change();
            foreach (var device in _devices)
                device.Finish();
            _isTorn = false;
        }
        catch (Exception failure)
        {
            RestoreAfter(failure, Restore);
            throw;
        }
        finally
        {
            // Where a device wrote it into the model, nothing is left of it. Weights on a CPU may still be its own if that device has failed for good.
            if (before is { InPlace.Count: > 0 } && !_isTorn)
                before.Dispose();
        }
    }

    /// <summary>Goes back to the base after a failure. Of a GPU that has failed and fails in that too, the first failure is the one to report; the model is refused then.</summary>
    private static void RestoreAfter(Exception failure, Action restore)
    {
        try
        {
            restore();
        }
        catch (GpuException) when (failure is GpuException)
        {
        }
    }

    /// <summary>Writes the base everywhere, whatever is there. If that fails the model stays refused.</summary>
    private void Restore()
    {
        Epoch++;
        foreach (var tensor in _weights.Tensors.Values)
            tensor.Restore();
        foreach (var device in _devices)
            device.Finish();
        _isTorn = false;
    }

    /// <summary>What an expert changes, in the order it is rebuilt: weights that take most working memory first, when little of the expert takes memory yet.</summary>
    private IEnumerable<KeyValuePair<string, ReadOnlyMemory<float>>> Changed(Expert expert) => expert.Vectors
        .Where(static vector => vector.Value.Span.IndexOfAnyExcept(1f) >= 0)
        .OrderByDescending(static vector => vector.Value.Length)
        .ThenByDescending(vector => _weights.Require(vector.Key).Stored.ByteLength)
        .ThenBy(static vector => vector.Key, StringComparer.Ordinal);

    private List<RebuildStep> Plan(Expert expert, FactorStore factors)
    {
        var plan = new List<RebuildStep>(expert.Vectors.Count);
        foreach (var (name, z) in Changed(expert))
        {
            var tensor = _weights.Require(name);
            if (!factors.TryGet(name, out var matrix))
                throw new WeightAccessException($"Weight '{name}' has no factors in the sidecar file; factor it first.");
            plan.Add(new(tensor, matrix, z));
        }
        return plan;
    }

    /// <summary>The deltas that add up to an expert; null if it is no mixture, or one of them is not kept.</summary>
    private (ExpertDeltas Deltas, float Weight)[]? MixtureOf(Expert expert)
    {
        if (expert.Parts.Count == 0 || !expert.Parts.All(part => _deltas.ContainsKey(part.Expert)))
            return null;
        return [.. expert.Parts.Select(part => (_deltas[part.Expert], part.Weight))];
    }

    private PreparedExpert Mix(Expert expert, (ExpertDeltas Deltas, float Weight)[] parts, out string? note, CancellationToken cancellation)
    {
        LiveTensor[] tensors = [.. parts.SelectMany(static part => part.Deltas.Weights).Distinct()];
        var types = Types(tensors, out var lengths, out note);
        return Build(expert, tensors, types, lengths, isMixture: true, fill: builder =>
        {
            for (int index = 0; index < tensors.Length; index++)
            {
                cancellation.ThrowIfCancellationRequested();
                builder.Make(index, destination => Sum(tensors[index], parts, types[index], destination, cancellation));
            }
        });
    }

    /// <summary>Fills memory with versions of weights, and keeps them where they have a place of their own.</summary>
    private PreparedExpert Build(
        Expert expert, LiveTensor[] tensors, TensorType[] types, long[] lengths, bool isMixture, Action<ExpertBuilder> fill, bool isFromFile = false)
    {
        var arenas = _prepared.Rent(lengths, isMixture, Leave);
        try
        {
            var builder = new ExpertBuilder(tensors, types, arenas);
            fill(builder);
            var prepared = builder.Finish(expert, isMixture, isFromFile);
            _kernel.ReleaseWorkspaces();
            if (prepared.InPlace.Count == 0)
                _prepared.Add(prepared);
            return prepared;
        }
        catch (Exception failure)
        {
            // Whatever devices still do with the memory ends first.
            foreach (var device in _devices)
                device.Settle();
            RestoreAfter(failure, () => Reset());
            foreach (var arena in arenas)
                arena.Dispose();
            throw;
        }
    }

    /// <summary>The type of each weight's version, and the bytes of all on each place: as precise as asked for, if the budget allows, else the base's own.</summary>
    private TensorType[] Types(IReadOnlyList<LiveTensor> tensors, out long[] lengths, out string? note)
    {
        note = null;
        foreach (var precision in new[] { _precision, AdaptedPrecision.Base })
        {
            TensorType[] types = [.. tensors.Select(tensor => AdaptedPrecisionRules.TypeFor(tensor, precision))];
            lengths = [.. _devices.Prepend<ITensorDevice?>(null).Select(place => TensorArena.LengthFor(
                tensors.Zip(types).Where(pair => ReferenceEquals(pair.First.Device, place)).Select(static pair => pair.First.LengthAs(pair.Second))))];
            if (precision == AdaptedPrecision.Base || _prepared.Allows(lengths[0]))
                return types;
            note = FormattableString.Invariant(
                $"The adapted weights are of the base's types: of precision '{precision}' they take {lengths[0] / 1e6:0.0} MB, more than rebuilt experts may keep.");
        }
        throw new UnreachableException();
    }

    private void Leave(PreparedExpert prepared)
    {
        if (ReferenceEquals(prepared, _shown))
            Reset();
    }

    private void Rebuild(RebuildStep step, FactorStore factors, TensorType type, Span<byte> destination, CancellationToken cancellation)
    {
        _kernel.Rebuild(
            new RebuildJob
            {
                Source = step.Tensor.Pristine,
                SourceType = step.Tensor.Stored.Type,
                Shape = step.Factors.Shape,
                Basis = step.Factors.Basis.Span,
                Z = step.Z.Span,
                Destination = destination,
                DestinationType = type,
            },
            _threads,
            cancellation);
        step.Tensor.ReleasePristine();
        step.Tensor.ReleaseBase();
        factors.Release(step.Tensor.Name);
    }

    private void Sum(LiveTensor tensor, (ExpertDeltas Deltas, float Weight)[] parts, TensorType type, Span<byte> destination, CancellationToken cancellation)
    {
        var own = Array.FindAll(parts, part => part.Deltas.Of(tensor) != 0);
        ((IMixtureKernel)_kernel).Mix(
            new MixJob
            {
                Source = tensor.Pristine,
                SourceType = tensor.Stored.Type,
                Shape = BlockWeights.ShapeOf(tensor.Stored),
                Deltas = Array.ConvertAll(own, part => part.Deltas.Of(tensor)),
                DeltaType = ExpertDeltas.TypeFor(tensor.Stored.Type),
                Alpha = Array.ConvertAll(own, static part => part.Weight),
                Destination = destination,
                DestinationType = type,
            },
            _threads,
            cancellation);
        tensor.ReleasePristine();
    }
}
