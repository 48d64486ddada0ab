namespace T2.Training;

/// <summary>Which numbers the optimiser moves to train z.</summary>
public enum SvfParametrisation
{
    /// <summary>z itself.</summary>
    Direct,

    /// <summary>The reference implementation's: z = sigmoid(p)·Σσ / Σ(σ⊙sigmoid(p)), which keeps each weight's nuclear norm.</summary>
    Sigmoid,
}
