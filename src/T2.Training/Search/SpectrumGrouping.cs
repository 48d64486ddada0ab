namespace T2.Training;

/// <summary>Which weights share their numbers in a forward-only search.</summary>
public enum SpectrumGrouping
{
    /// <summary>None: each weight has its own.</summary>
    Weight,

    /// <summary>The weights of a block.</summary>
    Layer,

    /// <summary>The weights of one kind (all ffn_up, say).</summary>
    Kind,
}
