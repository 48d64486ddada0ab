namespace T2.Training;

/// <summary>Constants of <see cref="AdamW"/>.</summary>
public sealed record AdamWOptions
{
    /// <summary>Decay of the mean of gradients.</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>Decay of the mean of squared gradients.</summary>
    public double Beta2 { get; init; } = 0.999;

    /// <summary>Added to the root.</summary>
    public double Epsilon { get; init; } = 1e-8;

    /// <summary>Decoupled weight decay per unit of learning rate; vectors of one row (norms, biases, z) are left out unless <see cref="DecayVectors"/>.</summary>
    public double WeightDecay { get; init; }

    /// <summary>Whether vectors decay too.</summary>
    public bool DecayVectors { get; init; }
}
