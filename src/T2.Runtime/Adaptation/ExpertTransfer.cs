using T2.Gguf;
using T2.Gguf.Experts;
using T2.Kernels;

namespace T2.Runtime;

/// <summary>
/// Takes an expert of one model to another. That makes sense as far as singular values of the same rank order do the same in both: the paper finds experts of one
/// model to help another of the same shapes on some tasks, and the order to matter.
/// </summary>
public static class ExpertTransfer
{
    /// <summary>Key of <see cref="Expert.Extra"/> that records the fingerprint of the base an expert was made for.</summary>
    public const string SourceKey = "t2.svf.transferred_from";

    /// <summary>Re-targets an expert. Where all lengths agree, the vectors stay bit for bit.</summary>
    /// <param name="expert">The expert of the other model.</param>
    /// <param name="model">The model it is to adapt.</param>
    /// <param name="fingerprint">That model's <see cref="WeightFingerprint"/>.</param>
    /// <param name="resample">
    /// Whether vectors of other lengths are resampled: value j of r′ is read, linearly between neighbours, at position j·(r − 1)/(r′ − 1) of the r there are, so that the
    /// largest singular value keeps its factor, and the smallest. Otherwise they are refused.
    /// </param>
    /// <param name="shuffleSeed">Puts the values of each vector in a random order, to see what the order is worth; null = leaves them in order.</param>
    /// <returns>The expert, and how many of its vectors were resampled.</returns>
    /// <exception cref="ExpertMismatchException">The model lacks a weight, or has one of another rank; the message names the first.</exception>
    public static (Expert Expert, int Resampled) Apply(Expert expert, GgufFile model, string fingerprint, bool resample = false, int? shuffleSeed = null)
    {
        ArgumentNullException.ThrowIfNull(expert);
        ArgumentNullException.ThrowIfNull(model);
        var vectors = new OrderedDictionary<string, ReadOnlyMemory<float>>();
        int resampled = 0;
        foreach (var (name, z) in expert.Vectors)
        {
            if (!model.TryGetTensor(name, out var tensor))
                throw new ExpertMismatchException($"Expert '{expert.Name}' adapts '{name}', which {model.Path} does not have: models transfer where they have the same layers.");
            if (BlockWeights.Classify(tensor) is { IsAdaptable: false } role)
                throw new ExpertMismatchException($"Expert '{expert.Name}' adapts '{name}', which cannot be rebuilt in {model.Path}: {role.Reason}.");
            int rank = BlockWeights.ShapeOf(tensor).Rank;
            if (rank != z.Length && !resample)
                throw new ExpertMismatchException($"Expert '{expert.Name}' has {z.Length} values for '{name}', whose rank in {model.Path} is {rank}: models transfer where their matrices have the same shapes, or by resampling (--force).");
            float[] values = rank == z.Length ? z.ToArray() : Resample(z.Span, rank);
            resampled += rank == z.Length ? 0 : 1;
            if (shuffleSeed is { } seed)
                new Random(unchecked(seed * 31 + vectors.Count)).Shuffle(values);
            vectors.Add(name, values);
        }
        string from = $"{expert.BaseFingerprint} ({expert.Architecture})";
        var moved = new Expert(
            expert.Name,
            model.Architecture ?? expert.Architecture,
            fingerprint,
            vectors,
            expert.Description,
            expert.Task,
            expert.Training,
            [.. expert.Extra.Where(static text => text.Key != SourceKey), new(SourceKey, from)]);
        return (moved, resampled);
    }

    /// <summary>Reads a vector at <paramref name="length"/> evenly spaced positions, linearly between its values.</summary>
    internal static float[] Resample(ReadOnlySpan<float> values, int length)
    {
        float[] result = new float[length];
        for (int index = 0; index < length; index++)
        {
            double position = length == 1 ? 0 : (double)index * (values.Length - 1) / (length - 1);
            int below = (int)position;
            int above = Math.Min(below + 1, values.Length - 1);
            result[index] = (float)(values[below] + (position - below) * (values[above] - values[below]));
        }
        return result;
    }
}
