using System.Runtime.InteropServices;
using T2.Gguf;
using T2.Gguf.Experts;
using T2.Kernels;
using T2.Weights;

namespace T2.Runtime;

/// <summary>
/// What one expert adds to each weight it adapts, D = W' − W, kept so that its mixtures are sums. D is F32 for an F32 weight, BF16 for a BF16 weight and F16
/// for all others: kept within 2⁻¹¹ of its size (F16), which a weight's own rounding hides.
/// </summary>
internal sealed unsafe class ExpertDeltas : IDisposable
{
    private readonly TensorArena _arena;
    private readonly Dictionary<LiveTensor, nint> _deltas = [];

    private ExpertDeltas(Expert expert, TensorArena arena)
    {
        Expert = expert;
        _arena = arena;
    }

    internal Expert Expert { get; }

    /// <summary>Bytes of memory taken.</summary>
    internal long ByteLength => _arena.Length;

    /// <summary>The weights it has deltas of.</summary>
    internal IReadOnlyCollection<LiveTensor> Weights => _deltas.Keys;

    /// <summary>Computes the deltas of an expert.</summary>
    /// <exception cref="WeightAccessException">A delta has values that F16 has not.</exception>
    /// <exception cref="InsufficientMemoryException">There is no memory for them.</exception>
    internal static ExpertDeltas Compute(
        Expert expert, IReadOnlyList<RebuildStep> steps, FactorStore store, IMixtureKernel kernel, int threads, CancellationToken cancellation)
    {
        var arena = new TensorArena(TensorArena.LengthFor(steps.Select(static step => Bytes(step.Tensor))));
        var deltas = new ExpertDeltas(expert, arena);
        try
        {
            foreach (var (tensor, factors, z) in steps)
            {
                cancellation.ThrowIfCancellationRequested();
                var type = TypeFor(tensor.Stored.Type);
                byte* bytes = arena.Take(Bytes(tensor));
                var destination = new Span<byte>(bytes, checked((int)Bytes(tensor)));
                kernel.Delta(
                    new RebuildJob
                    {
                        Source = tensor.Pristine,
                        SourceType = tensor.Stored.Type,
                        Shape = factors.Shape,
                        Basis = factors.Basis.Span,
                        Z = z.Span,
                        Destination = destination,
                        DestinationType = type,
                    },
                    threads,
                    cancellation);
                tensor.ReleasePristine();
                store.Release(tensor.Name);
                if (type == TensorType.F16 && MemoryMarshal.Cast<byte, Half>(destination).ContainsAny(Half.PositiveInfinity, Half.NegativeInfinity))
                    throw new WeightAccessException($"What expert '{expert.Name}' adds to weight '{tensor.Name}' is too large for F16; its mixtures must be rebuilt from z.");
                deltas._deltas.Add(tensor, (nint)bytes);
            }
            arena.Seal();
            return deltas;
        }
        catch
        {
            deltas.Dispose();
            throw;
        }
    }

    /// <summary>Type in which a weight's delta is kept.</summary>
    internal static TensorType TypeFor(TensorType weight) => weight is TensorType.F32 or TensorType.BF16 ? weight : TensorType.F16;

    /// <summary>Address of a weight's delta; 0 where the expert leaves the weight as it is.</summary>
    internal nint Of(LiveTensor tensor) => _deltas.GetValueOrDefault(tensor);

    public void Dispose() => _arena.Dispose();

    private static long Bytes(LiveTensor tensor) =>
        TensorTypes.Info(TypeFor(tensor.Stored.Type)).BytesFor(tensor.Stored.Dimensions[0]) * tensor.Stored.Dimensions[1];
}
