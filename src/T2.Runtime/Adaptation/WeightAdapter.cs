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
public sealed class WeightAdapter : IDisposable
{
    private readonly GgufFile _file;
    private readonly LiveWeights _weights;
    private readonly IWeightKernel _kernel;
    private readonly int _threads;
    private readonly PreparedExperts _prepared;

    /// <summary>Creates the adapter of a model that is on its base.</summary>
    /// <param name="file">The model's file; must outlive the adapter.</param>
    /// <param name="weights">The live weights of the model.</param>
    /// <param name="kernel">Rebuilds weights.</param>
    /// <param name="threads">Threads a rebuild may use, ≥ 1.</param>
    /// <param name="preparedBudget">Bytes that rebuilt experts may take; the one in use is kept whatever it takes.</param>
    public WeightAdapter(GgufFile file, LiveWeights weights, IWeightKernel kernel, int threads, long preparedBudget = 0)
    {
        ArgumentNullException.ThrowIfNull(file);
        ArgumentNullException.ThrowIfNull(weights);
        ArgumentNullException.ThrowIfNull(kernel);
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(preparedBudget);
        _file = file;
        _weights = weights;
        _kernel = kernel;
        _threads = threads;
        _prepared = new PreparedExperts(preparedBudget);
    }

    /// <summary>The expert the weights are on; null on the base.</summary>
    public Expert? Current { get; private set; }

    /// <summary>Changes whenever the weights do: state computed under another epoch (a KV cache) is stale.</summary>
    public long Epoch { get; private set; }

    /// <summary>Bytes of memory that rebuilt experts take, beside the base.</summary>
    public long PreparedBytes => _prepared.ByteLength;

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
        var prepared = _prepared.Find(expert);
        int rebuilt = 0;
        if (prepared is null)
        {
            var plan = Plan(expert, factors);
            cancellation.ThrowIfCancellationRequested();
            prepared = Prepare(expert, plan, cancellation);
            rebuilt = plan.Count;
        }
        // From here on whatever was computed under the old weights is stale.
        Epoch++;
        prepared.Show(_weights.Tensors.Values);
        Current = expert;
        return new RebuildReport(prepared.Weights, rebuilt, prepared.ByteLength, Stopwatch.GetElapsedTime(started));
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
        Current = null;
        return new RebuildReport(count, 0, bytes, Stopwatch.GetElapsedTime(started));
    }

    /// <summary>Returns the model to its base and gives up every rebuilt expert. The model must still be loaded.</summary>
    public void Dispose()
    {
        Reset();
        _prepared.Clear();
    }

    private List<(LiveTensor Tensor, MatrixFactors Factors, ReadOnlyMemory<float> Z)> Plan(Expert expert, FactorStore factors)
    {
        var plan = new List<(LiveTensor, MatrixFactors, ReadOnlyMemory<float>)>(expert.Vectors.Count);
        foreach (var (name, z) in expert.Vectors)
        {
            if (z.Span.IndexOfAnyExcept(1f) < 0)
                continue;
            var tensor = _weights.Require(name);
            if (!factors.TryGet(name, out var matrix))
                throw new WeightAccessException($"Weight '{name}' has no factors in the sidecar file; factor it first.");
            plan.Add((tensor, matrix, z));
        }
        return plan;
    }

    private PreparedExpert Prepare(
        Expert expert, List<(LiveTensor Tensor, MatrixFactors Factors, ReadOnlyMemory<float> Z)> plan, CancellationToken cancellation)
    {
        var arena = _prepared.Rent(TensorArena.LengthFor(plan.Select(static step => step.Tensor.LiveLength)), Leave);
        try
        {
            var versions = new List<TensorVersion>(plan.Count);
            foreach (var (tensor, matrix, z) in plan)
            {
                cancellation.ThrowIfCancellationRequested();
                versions.Add(tensor.CreateVersion(arena, destination => Rebuild(tensor.Stored, matrix, z.Span, destination, cancellation)));
            }
            arena.Seal();
            var prepared = new PreparedExpert(expert, arena, versions);
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

    private void Leave(PreparedExpert prepared)
    {
        if (ReferenceEquals(prepared.Expert, Current))
            Reset();
    }

    private void Rebuild(GgufTensor stored, MatrixFactors factors, ReadOnlySpan<float> z, Span<byte> destination, CancellationToken cancellation) =>
        _kernel.Rebuild(
            new RebuildJob
            {
                Source = _file.GetData(stored),
                SourceType = stored.Type,
                Shape = factors.Shape,
                Basis = factors.Basis.Span,
                Z = z,
                Destination = destination,
                DestinationType = stored.Type,
            },
            _threads,
            cancellation);
}

/// <summary>What changing the weights took.</summary>
/// <param name="Weights">Weights that changed.</param>
/// <param name="Rebuilt">Of these, weights that had to be rebuilt; the others were prepared.</param>
/// <param name="Bytes">Bytes of the weights that changed.</param>
/// <param name="Elapsed">Wall time.</param>
public readonly record struct RebuildReport(int Weights, int Rebuilt, long Bytes, TimeSpan Elapsed);
