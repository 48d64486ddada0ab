using System.Diagnostics;
using T2.Gguf;
using T2.Gguf.Experts;
using T2.Kernels;
using T2.Weights;

namespace T2.Runtime;

/// <summary>
/// Holds a loaded model's weights in one of two states: fully on one expert, or bit-exactly on the base. Knows nothing of how the model was loaded, so it
/// serves any llama.cpp in the process. Not thread-safe: the caller sees to it that no decode of the model runs during <see cref="Apply"/> and <see cref="Reset"/>.
/// </summary>
public sealed unsafe class WeightAdapter : IDisposable
{
    private readonly GgufFile _file;
    private readonly LiveWeights _weights;
    private readonly IWeightKernel _kernel;
    private readonly int _threads;

    /// <summary>Creates the adapter of a model that is on its base.</summary>
    /// <param name="file">The model's file; must outlive the adapter.</param>
    /// <param name="weights">The live weights of the model.</param>
    /// <param name="kernel">Rebuilds weights.</param>
    /// <param name="threads">Threads a rebuild may use, ≥ 1.</param>
    public WeightAdapter(GgufFile file, LiveWeights weights, IWeightKernel kernel, int threads)
    {
        ArgumentNullException.ThrowIfNull(file);
        ArgumentNullException.ThrowIfNull(weights);
        ArgumentNullException.ThrowIfNull(kernel);
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        _file = file;
        _weights = weights;
        _kernel = kernel;
        _threads = threads;
    }

    /// <summary>The expert the weights are on; null on the base.</summary>
    public Expert? Current { get; private set; }

    /// <summary>Changes whenever the weights do: state computed under another epoch (a KV cache) is stale.</summary>
    public long Epoch { get; private set; }

    /// <summary>Bytes of memory held for adapted tensors, beside the base.</summary>
    public long OwnedBytes => _weights.Tensors.Values.Sum(static tensor => tensor.OwnedBytes);

    /// <summary>
    /// Rebuilds every weight the expert adapts to U·diag(σ⊙z)·Vᵀ, in place, and returns weights that only the previous expert adapted to the base. An expert
    /// whose z is 1 everywhere leaves the base's very bytes.
    /// </summary>
    /// <param name="expert">An expert that <see cref="ExpertFit.Verify"/> has accepted for this model.</param>
    /// <param name="factors">Factors of at least the weights the expert adapts.</param>
    /// <param name="cancellation">Cancels between panels of a weight; the model is then bit-exactly on its base.</param>
    /// <returns>How many weights were rebuilt, and how long it took. Zero if the model was on this expert already.</returns>
    /// <exception cref="WeightAccessException">A weight cannot be written; nothing was changed.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; the model is on its base.</exception>
    public RebuildReport Apply(Expert expert, FactorStore factors, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(expert);
        ArgumentNullException.ThrowIfNull(factors);
        if (ReferenceEquals(expert, Current))
            return default;

        var started = Stopwatch.GetTimestamp();
        var plan = Plan(expert, factors);
        cancellation.ThrowIfCancellationRequested();
        try
        {
            // From here on the weights are in motion: whatever was computed under the old epoch is stale, even if we fail.
            Epoch++;
            Current = null;
            var planned = plan.Select(static step => step.Tensor).ToHashSet();
            foreach (var tensor in _weights.Tensors.Values)
            {
                if (tensor.IsModified && !planned.Contains(tensor))
                    tensor.Restore();
            }
            long bytes = 0;
            foreach (var (tensor, matrix, z) in plan)
            {
                Rebuild(tensor, matrix, z.Span, cancellation);
                bytes += tensor.Stored.ByteLength;
            }
            Current = expert;
            return new RebuildReport(plan.Count, bytes, Stopwatch.GetElapsedTime(started));
        }
        catch
        {
            RestoreAll();
            throw;
        }
    }

    /// <summary>Returns the model bit-exactly to its base.</summary>
    public RebuildReport Reset()
    {
        var started = Stopwatch.GetTimestamp();
        int count = 0;
        long bytes = 0;
        foreach (var tensor in _weights.Tensors.Values)
        {
            if (tensor.IsModified)
            {
                count++;
                bytes += tensor.Stored.ByteLength;
            }
        }
        if (count > 0)
            Epoch++;
        RestoreAll();
        return new RebuildReport(count, bytes, Stopwatch.GetElapsedTime(started));
    }

    /// <summary>Returns the model to its base and frees the adapter's memory. The model must still be loaded.</summary>
    public void Dispose()
    {
        Current = null;
        foreach (var tensor in _weights.Tensors.Values)
            tensor.Dispose();
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

    private void Rebuild(LiveTensor tensor, MatrixFactors factors, ReadOnlySpan<float> z, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        var stored = tensor.Stored;
        byte* destination = tensor.BeginWrite();
        _kernel.Rebuild(
            new RebuildJob
            {
                Source = _file.GetData(stored),
                SourceType = stored.Type,
                Shape = factors.Shape,
                Basis = factors.Basis.Span,
                Z = z,
                Destination = new Span<byte>(destination, checked((int)stored.ByteLength)),
                DestinationType = stored.Type,
            },
            _threads,
            cancellation);
        tensor.Commit();
    }

    private void RestoreAll()
    {
        Current = null;
        foreach (var tensor in _weights.Tensors.Values)
            tensor.Restore();
    }
}

/// <summary>What changing the weights took.</summary>
/// <param name="Weights">Weights written.</param>
/// <param name="Bytes">Their bytes.</param>
/// <param name="Elapsed">Wall time.</param>
public readonly record struct RebuildReport(int Weights, long Bytes, TimeSpan Elapsed);
