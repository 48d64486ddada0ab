namespace T2.Charts;

/// <summary>Size and axes of a chart.</summary>
public sealed record ChartOptions
{
    /// <summary>Width in pixels.</summary>
    public int Width { get; init; } = 720;

    /// <summary>Height in pixels.</summary>
    public int Height { get; init; } = 420;

    /// <summary>Whether the horizontal axis is logarithmic; all of its values must be positive then.</summary>
    public bool IsLogarithmicX { get; init; }

    /// <summary>Whether the vertical axis is logarithmic; all of its values must be positive then. Not for bars, which start at 0.</summary>
    public bool IsLogarithmicY { get; init; }

    /// <summary>Where the vertical axis starts; null lets the data decide.</summary>
    public double? MinimumY { get; init; }

    /// <summary>Where the vertical axis ends; null lets the data decide.</summary>
    public double? MaximumY { get; init; }

    /// <summary>Whether the result is a document of its own; false leaves out the XML declaration, as for SVG inside HTML.</summary>
    public bool IsDocument { get; init; } = true;
}
