using T2.Gguf;
using T2.Gguf.Experts;
using T2.Kernels;

namespace T2.Runtime;

/// <summary>The checks an expert must pass before a single weight of a model is touched for it.</summary>
public static class ExpertFit
{
    /// <summary>Checks architecture, fingerprint, names, types and lengths of <paramref name="expert"/> against a base.</summary>
    /// <param name="expert">The expert.</param>
    /// <param name="model">The base's file.</param>
    /// <param name="fingerprint">The base's <see cref="WeightFingerprint"/>.</param>
    /// <param name="allowOtherBase">Accept an expert learned on other weights of the same shapes, such as another quantisation of the same model.</param>
    /// <exception cref="ExpertMismatchException">It does not fit; the message names the first thing that does not.</exception>
    public static void Verify(Expert expert, GgufFile model, string fingerprint, bool allowOtherBase)
    {
        ArgumentNullException.ThrowIfNull(expert);
        ArgumentNullException.ThrowIfNull(model);
        if (!string.Equals(expert.Architecture, model.Architecture, StringComparison.Ordinal))
            throw new ExpertMismatchException($"Expert '{expert.Name}' is for architecture '{expert.Architecture}', the model is '{model.Architecture}'.");
        if (!allowOtherBase && !string.Equals(expert.BaseFingerprint, fingerprint, StringComparison.Ordinal))
        {
            throw new ExpertMismatchException(
                $"Expert '{expert.Name}' was made for weights {expert.BaseFingerprint}, the model's are {fingerprint}. To use it on another quantisation of the same model, allow another base.");
        }
        foreach (var (name, z) in expert.Vectors)
        {
            if (!model.TryGetTensor(name, out var tensor))
                throw new ExpertMismatchException($"Expert '{expert.Name}' adapts '{name}', which the model does not have.");
            if (BlockWeights.Classify(tensor) is { IsAdaptable: false } role)
                throw new ExpertMismatchException($"Expert '{expert.Name}' adapts '{name}', which cannot be rebuilt: {role.Reason}.");
            int rank = BlockWeights.ShapeOf(tensor).Rank;
            if (z.Length != rank)
                throw new ExpertMismatchException($"Expert '{expert.Name}' has {z.Length} values for '{name}', whose rank is {rank}.");
        }
    }
}
