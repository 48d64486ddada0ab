using T2.Gguf.Experts;

namespace T2.Runtime;

/// <summary>What a prompt's weights shall be: left to dispatch, the base, one expert, or a mixture.</summary>
public abstract record Adaptation
{
    private Adaptation()
    {
    }

    /// <summary>Pass 1 decides: the base weights classify the prompt, and anything unsure stays on them.</summary>
    public static Adaptation Dispatch { get; } = new DispatchChoice();

    /// <summary>The base weights, without a first pass.</summary>
    public static Adaptation Base { get; } = new FixedChoice(null);

    /// <summary>A given expert, without a first pass.</summary>
    public static Adaptation To(Expert expert)
    {
        ArgumentNullException.ThrowIfNull(expert);
        return new FixedChoice(expert);
    }

    /// <summary>A mixture of experts, z = 1 + Σ αₖ(zₖ − 1), without a first pass.</summary>
    /// <exception cref="ArgumentException">The experts do not fit one another.</exception>
    public static Adaptation Mixture(params IReadOnlyList<(Expert Expert, float Weight)> parts)
    {
        ArgumentNullException.ThrowIfNull(parts);
        string name = string.Join("+", parts.Select(static part => FormattableString.Invariant($"{part.Expert.Name}={part.Weight:0.###}")));
        return new FixedChoice(Expert.Mix(parts, name));
    }

    internal sealed record DispatchChoice : Adaptation;

    internal sealed record FixedChoice(Expert? Expert) : Adaptation;
}
