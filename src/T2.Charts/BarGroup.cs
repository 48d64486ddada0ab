namespace T2.Charts;

/// <summary>Bars of one colour in a <see cref="Chart.Bars"/> chart, one a category.</summary>
/// <param name="Name">Its name in the legend.</param>
/// <param name="Values">One value a category; NaN where there is none.</param>
public sealed record BarGroup(string Name, IReadOnlyList<double> Values)
{
    /// <summary>Where each value may lie, in the axis's own unit (not as distances from the value); null draws none.</summary>
    public IReadOnlyList<(double Low, double High)>? Intervals { get; init; }
}
