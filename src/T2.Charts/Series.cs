namespace T2.Charts;

/// <summary>One line of a <see cref="Chart.Lines"/> chart.</summary>
/// <param name="Name">Its name in the legend.</param>
/// <param name="Points">Points in the order in which they are joined. A NaN in either coordinate breaks the line there.</param>
public sealed record Series(string Name, IReadOnlyList<(double X, double Y)> Points)
{
    /// <summary>Draws it dashed: a baseline, a bound, a reference.</summary>
    public bool IsDashed { get; init; }

    /// <summary>Marks every point.</summary>
    public bool HasMarkers { get; init; }
}
