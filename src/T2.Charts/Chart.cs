using System.Globalization;
using OxyPlot;
using OxyPlot.Annotations;
using OxyPlot.Axes;
using OxyPlot.Series;

namespace T2.Charts;

/// <summary>Draws charts in one style, as SVG text. The same arguments give the same text.</summary>
public static class Chart
{
    /// <summary>Half a bar's interval mark, as a share of the bar's width.</summary>
    private const double CapShare = 0.2;

    /// <summary>Characters of category names that fit side by side over the default width; longer ones are slanted.</summary>
    private const int CharactersPerWidth = 90;

    /// <summary>Lines through points.</summary>
    /// <param name="title">Above the chart.</param>
    /// <param name="xLabel">What the horizontal axis shows, with its unit.</param>
    /// <param name="yLabel">What the vertical axis shows, with its unit.</param>
    /// <param name="series">At least one.</param>
    /// <param name="options">Size and axes.</param>
    /// <exception cref="ArgumentException">No series, or a point that the axes cannot show: infinite, or not positive on a logarithmic axis.</exception>
    public static string Lines(string title, string xLabel, string yLabel, IReadOnlyList<Series> series, ChartOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(series);
        options ??= new ChartOptions();
        if (series.Count == 0)
            throw new ArgumentException($"The chart '{title}' has no series.", nameof(series));
        var model = Style.Model(title, series.Count > 1);
        model.Axes.Add(ValueAxis(options.IsLogarithmicX).Styled(AxisPosition.Bottom, xLabel));
        model.Axes.Add(Bounded(ValueAxis(options.IsLogarithmicY), options).Styled(AxisPosition.Left, yLabel));
        for (int i = 0; i < series.Count; i++)
        {
            var line = new LineSeries
            {
                Title = Style.Clean(series[i].Name),
                Color = Style.Colour(i),
                StrokeThickness = 2,
                LineStyle = series[i].IsDashed ? LineStyle.Dash : LineStyle.Solid,
                MarkerType = series[i].HasMarkers ? MarkerType.Circle : MarkerType.None,
                MarkerSize = 3,
                MarkerFill = Style.Colour(i),
            };
            foreach (var (x, y) in series[i].Points)
            {
                Check(x, options.IsLogarithmicX, title, series[i].Name);
                Check(y, options.IsLogarithmicY, title, series[i].Name);
                line.Points.Add(new DataPoint(x, y));
            }
            model.Series.Add(line);
        }
        return Style.Export(model, options);
    }

    /// <summary>Bars from 0, grouped by category, each with the interval its value may lie in.</summary>
    /// <param name="title">Above the chart.</param>
    /// <param name="yLabel">What the vertical axis shows, with its unit.</param>
    /// <param name="categories">Names under the groups of bars, at least one.</param>
    /// <param name="groups">One value a category each, at least one.</param>
    /// <param name="options">Size and axes.</param>
    /// <exception cref="ArgumentException">No category or group, or one whose values or intervals do not match the categories or are infinite.</exception>
    public static string Bars(string title, string yLabel, IReadOnlyList<string> categories, IReadOnlyList<BarGroup> groups, ChartOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(categories);
        ArgumentNullException.ThrowIfNull(groups);
        options ??= new ChartOptions();
        if (categories.Count == 0 || groups.Count == 0)
            throw new ArgumentException($"The chart '{title}' has no bars.", nameof(groups));
        if (options.IsLogarithmicX || options.IsLogarithmicY)
            throw new ArgumentException($"The chart '{title}' has bars, which start at 0: no axis of it can be logarithmic.", nameof(options));
        var model = Style.Model(title, groups.Count > 1);
        model.Axes.Add(CategoryAxis(categories).Styled(AxisPosition.Bottom, null, hasGrid: false));
        var values = Bounded(new LinearAxis { ExtraGridlines = [0], ExtraGridlineColor = Style.Ink }, options).Styled(AxisPosition.Left, yLabel);
        // Bars start at 0; room is left above and below them only.
        (values.MinimumDataMargin, values.MaximumDataMargin) = (0, 0);
        model.Axes.Add(values);
        double width = 0.8 / groups.Count;
        for (int g = 0; g < groups.Count; g++)
        {
            var group = groups[g];
            if (group.Values.Count != categories.Count || (group.Intervals is { } given && given.Count != categories.Count))
                throw new ArgumentException($"'{group.Name}' in the chart '{title}' must have one value and one interval for each of the {categories.Count} categories.", nameof(groups));
            var bars = new RectangleBarSeries { Title = Style.Clean(group.Name), FillColor = Style.Colour(g), StrokeThickness = 0 };
            var intervals = new LineSeries { Color = Style.Ink, StrokeThickness = 1.2 };
            for (int c = 0; c < categories.Count; c++)
            {
                double centre = c - 0.4 + ((g + 0.5) * width);
                Check(group.Values[c], false, title, group.Name);
                if (!double.IsNaN(group.Values[c]))
                    bars.Items.Add(new RectangleBarItem(centre - (0.47 * width), Math.Min(0, group.Values[c]), centre + (0.47 * width), Math.Max(0, group.Values[c])));
                if (group.Intervals is not { } all)
                    continue;
                Check(all[c].Low, false, title, group.Name);
                Check(all[c].High, false, title, group.Name);
                AddInterval(intervals.Points, centre, CapShare * width, all[c].Low, all[c].High);
            }
            model.Series.Add(bars);
            model.Series.Add(intervals);
        }
        return Style.Export(model, options);
    }

    /// <summary>A matrix of values as coloured cells with the value written in each; the first row is at the top.</summary>
    /// <param name="title">Above the chart.</param>
    /// <param name="rows">Names of the rows.</param>
    /// <param name="columns">Names of the columns.</param>
    /// <param name="values">One value a cell, [row, column]; NaN leaves a cell empty.</param>
    /// <param name="format">A .NET number format for the cells, as <c>0.0</c> or <c>P0</c>, in the invariant culture.</param>
    /// <param name="options">Size.</param>
    /// <exception cref="ArgumentException">No cell, names that do not match the values' shape, or an infinite value.</exception>
    public static string Heatmap(string title, IReadOnlyList<string> rows, IReadOnlyList<string> columns, double[,] values, string format, ChartOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(rows);
        ArgumentNullException.ThrowIfNull(columns);
        ArgumentNullException.ThrowIfNull(values);
        options ??= new ChartOptions();
        if (values.Length == 0 || values.GetLength(0) != rows.Count || values.GetLength(1) != columns.Count)
            throw new ArgumentException($"The chart '{title}' has {rows.Count} rows and {columns.Count} columns of names for {values.GetLength(0)}×{values.GetLength(1)} values.", nameof(values));
        foreach (double value in values)
            Check(value, false, title, "its cells");
        var known = values.Cast<double>().Where(static value => !double.IsNaN(value)).ToArray();
        var (low, high) = known.Length == 0 ? (0, 0) : (known.Min(), known.Max());

        var model = Style.Model(title, hasLegend: false);
        model.Axes.Add(CategoryAxis(columns).Styled(AxisPosition.Bottom, null, hasGrid: false));
        var rowAxis = CategoryAxis(rows).Styled(AxisPosition.Left, null, hasGrid: false);
        // The first row on top, as in a table.
        (rowAxis.StartPosition, rowAxis.EndPosition, rowAxis.Angle) = (1, 0, 0);
        model.Axes.Add(rowAxis);
        for (int row = 0; row < rows.Count; row++)
        {
            for (int column = 0; column < columns.Count; column++)
            {
                double value = values[row, column];
                if (double.IsNaN(value))
                    continue;
                // White is the least, the house's blue the most.
                double share = high > low ? (value - low) / (high - low) : 0.5;
                model.Annotations.Add(new RectangleAnnotation
                {
                    MinimumX = column - 0.5,
                    MaximumX = column + 0.5,
                    MinimumY = row - 0.5,
                    MaximumY = row + 0.5,
                    Fill = OxyColor.Interpolate(OxyColors.White, Style.Colour(0), share),
                    Stroke = OxyColors.White,
                    StrokeThickness = 1,
                    Text = value.ToString(format, CultureInfo.InvariantCulture),
                    TextColor = share > 0.55 ? OxyColors.White : Style.Ink,
                });
            }
        }
        return Style.Export(model, options);
    }

    private static Axis ValueAxis(bool isLogarithmic) =>
        isLogarithmic ? new LogarithmicAxis { UseSuperExponentialFormat = false } : new LinearAxis { MinimumPadding = 0.03, MaximumPadding = 0.06 };

    private static Axis Bounded(Axis axis, ChartOptions options)
    {
        (axis.Minimum, axis.Maximum) = (options.MinimumY ?? double.NaN, options.MaximumY ?? double.NaN);
        return axis;
    }

    /// <summary>Names at 0, 1, 2...</summary>
    private static LinearAxis CategoryAxis(IReadOnlyList<string> names) => new()
    {
        Minimum = -0.5,
        Maximum = names.Count - 0.5,
        MajorStep = 1,
        Angle = names.Sum(static name => name.Length + 2) > CharactersPerWidth ? -30 : 0,
        LabelFormatter = at => at == Math.Floor(at) && at >= 0 && at < names.Count ? Style.Clean(names[(int)at]) : "",
    };

    private static void AddInterval(List<DataPoint> points, double x, double cap, double low, double high)
    {
        if (double.IsNaN(low) || double.IsNaN(high))
            return;
        points.AddRange([new(x - cap, low), new(x + cap, low), DataPoint.Undefined, new(x, low), new(x, high), DataPoint.Undefined, new(x - cap, high), new(x + cap, high), DataPoint.Undefined]);
    }

    private static void Check(double value, bool isLogarithmic, string title, string name)
    {
        if (double.IsInfinity(value) || (isLogarithmic && value <= 0))
            throw new ArgumentException($"'{name}' in the chart '{title}' has the value {value.ToString(CultureInfo.InvariantCulture)}, which its axis cannot show.");
    }
}
