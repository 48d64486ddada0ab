namespace T2.Runtime;

/// <summary>What changing the weights took.</summary>
/// <param name="Weights">Weights that changed.</param>
/// <param name="Rebuilt">Of these, weights that had to be rebuilt from their factors; the others were prepared or mixed.</param>
/// <param name="Bytes">Bytes of the weights that changed.</param>
/// <param name="Elapsed">Wall time.</param>
public readonly record struct RebuildReport(int Weights, int Rebuilt, long Bytes, TimeSpan Elapsed)
{
    /// <summary>Of <see cref="Weights"/>, those that were summed from kept deltas.</summary>
    public int Mixed { get; init; }

    /// <summary>Of <see cref="Weights"/>, those in a finer type than the base's (<see cref="ModelOptions.Precision"/>). None where the budget did not allow it.</summary>
    public int Raised { get; init; }

    /// <summary>Of <see cref="Weights"/>, those that came from a file of prepared weights (<see cref="ModelOptions.PreparedDirectory"/>).</summary>
    public int Loaded { get; init; }

    /// <summary>Of <see cref="Weights"/>, those that a GPU holds and has rebuilt or copied itself.</summary>
    public int OnDevice { get; init; }

    /// <summary>Of <see cref="OnDevice"/>, those it wrote straight into the model for lack of room: they are rebuilt whenever the expert is applied.</summary>
    public int InPlace { get; init; }

    /// <summary>What a person should know: that a finer type than the base's would not fit, that a file of prepared weights could not be used, or not be written. Null if there is nothing.</summary>
    public string? Note { get; init; }
}
