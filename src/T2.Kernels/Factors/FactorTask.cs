using System.Numerics;
using T2.Gguf;

namespace T2.Kernels;

/// <summary>One weight to factorise.</summary>
internal sealed record FactorTask(GgufTensor Tensor, MatrixShape Shape)
{
    /// <summary>What a thread needs beside the matrices: packed panels and a strip, with room to spare.</summary>
    private const long BytesPerThread = 4 << 20;

    public string Name => Tensor.Name;

    /// <summary>Floating-point operations, roughly: m·n·r for the Gram matrix, and the eigen-decomposition's 2 + 4/3 + 7 times r³.</summary>
    public double Flops => ((double)Shape.Length * Shape.Rank) + (10 * Math.Pow(Shape.Rank, 3));

    /// <summary>
    /// Bytes of working memory, the most that any CPU kernel takes: W and the basis in fp32; in fp64 the Gram matrix, the vectors, and what solving (or
    /// measuring small values again) needs beside them; the log of rotations. Managed buffers come from a pool that rounds up to a power of two.
    /// </summary>
    public long WorkingBytes
    {
        get
        {
            var square = (long)Shape.Rank * Shape.Rank;
            return Pooled(Shape.Length * sizeof(float)) + Pooled(square * sizeof(float)) + (5 * Pooled(square * sizeof(double)))
                + (2 * Pooled(64L * Shape.Rank * sizeof(double))) + BytesPerThread;
        }
    }

    /// <summary>Looks the weights up in the model.</summary>
    /// <exception cref="ArgumentException">A weight is not in the model or cannot be adapted.</exception>
    public static List<FactorTask> Resolve(GgufFile model, IEnumerable<string> weights) =>
    [
        .. weights.Distinct(StringComparer.Ordinal).Select(name => model.TryGetTensor(name, out var tensor)
            ? new FactorTask(tensor, BlockWeights.ShapeOf(tensor))
            : throw new ArgumentException($"{model.Path} has no tensor {name}.", nameof(weights))),
    ];

    private static long Pooled(long bytes) => (long)BitOperations.RoundUpToPowerOf2((ulong)bytes);
}
