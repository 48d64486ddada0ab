namespace T2.Training;

/// <summary>What a run trains on the frozen base.</summary>
public enum AdapterKind
{
    /// <summary>One vector z per weight: W' = U·diag(σ⊙z)·Vᵀ.</summary>
    Svf,

    /// <summary>Two thin matrices per weight: W' = W + α/r·B·A.</summary>
    Lora,
}
