using System.Diagnostics;
using T2.Gguf;
using T2.Gguf.Experts;
using T2.Kernels;
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
    private readonly Dictionary<Expert, ExpertDeltas> _deltas = new(ReferenceEqualityComparer.Instance);
    private PreparedExpert? _shown;

    /// <summary>Creates the adapter of a model that is on its base.</summary>
    /// <param name="weights">The live weights of the model; the file they were found by must outlive the adapter.</param>
    /// <param name="kernel">Rebuilds weights.</param>
    /// <param name="threads">Threads a rebuild may use, ≥ 1.</param>
    /// <param name="preparedBudget">Bytes that rebuilt experts may take; the one in use is kept whatever it takes.</param>
    /// <param name="precision">The type of rebuilt weights; the base's own where finer ones would not fit the budget.</param>
    public WeightAdapter(LiveWeights weights, IWeightKernel kernel, int threads, long preparedBudget = 0, AdaptedPrecision precision = AdaptedPrecision.Base)
    {
        ArgumentNullException.ThrowIfNull(weights);
        ArgumentNullException.ThrowIfNull(kernel);
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(preparedBudget);
        _weights = weights;
        _kernel = kernel;
        _threads = threads;
        _precision = precision;
        _prepared = new PreparedExperts(preparedBudget);
    }

    /// <summary>The expert the weights are on; null on the base.</summary>
    public Expert? Current { get; private set; }

    /// <summary>Changes whenever the weights do: state computed under another epoch (a KV cache) is stale.</summary>
    public long Epoch { get; private set; }

    /// <summary>Bytes of memory that rebuilt experts take, beside the base.</summary>
    public long PreparedBytes => _prepared.ByteLength;

    /// <summary>Bytes of memory that kept deltas take.</summary>
    public long DeltaBytes => _deltas.Values.Sum(static deltas => deltas.ByteLength);

    /// <summary>
    /// Makes the model compute with U·diag(σ⊙z)·Vᵀ for every weight the expert adapts, and with the base's for every other. All weights are rebuilt before
    /// the first becomes live. An expert whose z is 1 everywhere leaves the base's very bytes.
    /// </summary>
    /// <param name="expert">An expert that <see cref="ExpertFit.Verify"/> has accepted for this model.</param>
    /// <param name="factors">Factors of at least the weights the expert adapts.</param>
    /// <param name="cancellation">Cancels between panels of a weight; the model is then bit-exactly on its base.</param>
    /// <exception cref="WeightAccessException">A weight cannot be rebuilt; nothing was changed.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; the model is on its base.</exception>
    public RebuildReport Apply(Expert expert, FactorStore factors, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(expert);
        ArgumentNullException.ThrowIfNull(factors);
        if (ReferenceEquals(expert, Current))
            return new RebuildReport(0, 0, 0, TimeSpan.Zero);

        long started = Stopwatch.GetTimestamp();
        // A mixture of one expert at weight 1 is that expert, bit for bit.
        var own = expert;
        while (own.Parts is [{ Weight: 1 } only])
            own = only.Expert;
        var prepared = _prepared.Find(own);
        int rebuilt = 0, mixed = 0, loaded = 0;
        string? note = null;
        if (prepared is null && MixtureOf(own) is { } parts)
        {
            prepared = Mix(own, parts, cancellation);
            mixed = prepared.Weights;
        }
        else if (prepared is null)
        {
            (prepared, note) = Prepare(own, factors, cancellation);
            (rebuilt, loaded) = prepared.IsFromFile ? (0, prepared.Weights) : (prepared.Weights, 0);
        }
        if (!ReferenceEquals(prepared, _shown))
        {
            // From here on whatever was computed under the old weights is stale.
            Epoch++;
            prepared.Show(_weights.Tensors.Values);
            _shown = prepared;
        }
        Current = expert;
        return new RebuildReport(prepared.Weights, rebuilt, prepared.ByteLength, Stopwatch.GetElapsedTime(started))
        {
            Mixed = mixed,
            Raised = prepared.Raised,
            Loaded = loaded,
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
    /// <exception cref="NotSupportedException">The kernel cannot sum deltas.</exception>
    /// <exception cref="WeightAccessException">A weight cannot be rebuilt, or its delta is too large to be kept.</exception>
    public void KeepDeltas(Expert expert, FactorStore factors, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(expert);
        ArgumentNullException.ThrowIfNull(factors);
        if (_kernel is not IMixtureKernel kernel)
            throw new NotSupportedException($"Kernel '{_kernel.Name}' cannot keep experts as deltas; the native one can.");
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
    public RebuildReport Reset()
    {
        long started = Stopwatch.GetTimestamp();
        int count = 0;
        long bytes = 0;
        foreach (var tensor in _weights.Tensors.Values)
        {
            if (tensor.Shown is null)
                continue;
            if (count++ == 0)
                Epoch++;
            bytes += tensor.LiveLength;
            tensor.Show(null);
        }
        _shown = null;
        Current = null;
        return new RebuildReport(count, 0, bytes, Stopwatch.GetElapsedTime(started));
    }

    /// <summary>Returns the model to its base and gives up every rebuilt expert. The model must still be loaded.</summary>
    public void Dispose()
    {
        Reset();
        _prepared.Clear();
        ReleaseDeltas();
    }

    private List<RebuildStep> Plan(Expert expert, FactorStore factors)
    {
        var plan = new List<RebuildStep>(expert.Vectors.Count);
        foreach (var (name, z) in expert.Vectors)
        {
            if (z.Span.IndexOfAnyExcept(1f) < 0)
                continue;
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

    private PreparedExpert Mix(Expert expert, (ExpertDeltas Deltas, float Weight)[] parts, CancellationToken cancellation)
    {
        LiveTensor[] tensors = [.. parts.SelectMany(static part => part.Deltas.Weights).Distinct()];
        var types = Types(tensors, out long length);
        return Build(expert, tensors, types, length, isMixture: true, make =>
        {
            for (int index = 0; index < tensors.Length; index++)
            {
                cancellation.ThrowIfCancellationRequested();
                make(index, destination => Sum(tensors[index], parts, types[index], destination, cancellation));
            }
        });
    }

    /// <summary>
    /// Fills an arena with versions of weights. <paramref name="fill"/> is given what makes one version, and calls it for each; it may start again at the first.
    /// </summary>
    private PreparedExpert Build(
        Expert expert, LiveTensor[] tensors, TensorType[] types, long length, bool isMixture, Action<Action<int, TensorFill>> fill, bool isFromFile = false)
    {
        var arena = _prepared.Rent(length, isMixture, Leave);
        try
        {
            var versions = new TensorVersion[tensors.Length];
            fill((index, destination) =>
            {
                if (index == 0)
                    arena.Clear();
                versions[index] = tensors[index].CreateVersion(arena, types[index], destination);
            });
            arena.Seal();
            var prepared = new PreparedExpert(expert, arena, versions, isMixture) { IsFromFile = isFromFile };
            _prepared.Add(prepared);
            return prepared;
        }
        catch
        {
            Reset();
            arena.Dispose();
            throw;
        }
    }

    /// <summary>The type of each weight's version and the bytes of all: as precise as asked for, if the budget allows, else the base's own.</summary>
    private TensorType[] Types(IReadOnlyList<LiveTensor> tensors, out long length)
    {
        foreach (var precision in new[] { _precision, AdaptedPrecision.Base })
        {
            TensorType[] types = [.. tensors.Select(tensor => AdaptedPrecisionRules.TypeFor(tensor, precision))];
            length = TensorArena.LengthFor(tensors.Zip(types, static (tensor, type) => tensor.LengthAs(type)));
            if (precision == AdaptedPrecision.Base || _prepared.Allows(length))
                return types;
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
