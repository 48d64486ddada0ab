using System.Xml;
using OxyPlot;
using OxyPlot.Axes;
using OxyPlot.Legends;

namespace T2.Charts;

/// <summary>What all charts share: colours, fonts, grid, legend, and the export.</summary>
internal static class Style
{
    private const string Font = "Arial, Helvetica, sans-serif";

    private static readonly OxyColor s_ink = OxyColor.FromRgb(0x33, 0x33, 0x33);
    private static readonly OxyColor s_grid = OxyColor.FromRgb(0xE3, 0xE3, 0xE3);

    /// <summary>Okabe and Ito's colours, which colour-blind readers can tell apart; yellow is left out, it does not show on white.</summary>
    private static readonly OxyColor[] s_colours =
    [
        OxyColor.FromRgb(0x00, 0x72, 0xB2), OxyColor.FromRgb(0xD5, 0x5E, 0x00), OxyColor.FromRgb(0x00, 0x9E, 0x73), OxyColor.FromRgb(0xCC, 0x79, 0xA7),
        OxyColor.FromRgb(0x56, 0xB4, 0xE9), OxyColor.FromRgb(0xE6, 0x9F, 0x00), OxyColor.FromRgb(0x66, 0x66, 0x66),
    ];

    public static OxyColor Ink => s_ink;

    public static OxyColor Colour(int index) => s_colours[index % s_colours.Length];

    /// <summary>A chart without axes yet.</summary>
    public static PlotModel Model(string title, bool hasLegend)
    {
        ArgumentNullException.ThrowIfNull(title);
        var model = new PlotModel
        {
            Title = Clean(title),
            DefaultFont = Font,
            DefaultFontSize = 12,
            TitleFontSize = 14,
            TitleFontWeight = FontWeights.Bold,
            TextColor = s_ink,
            TitleColor = s_ink,
            // Not transparent: a page may be dark.
            Background = OxyColors.White,
            PlotAreaBorderColor = s_grid,
            Padding = new OxyThickness(10, 10, 18, 10),
        };
        if (hasLegend)
            model.Legends.Add(new Legend { LegendPlacement = LegendPlacement.Outside, LegendPosition = LegendPosition.BottomCenter, LegendOrientation = LegendOrientation.Horizontal });
        return model;
    }

    /// <summary>Gives an axis the house's grid and title.</summary>
    public static TAxis Styled<TAxis>(this TAxis axis, AxisPosition position, string? title, bool hasGrid = true)
        where TAxis : Axis
    {
        axis.Position = position;
        axis.Title = title is null ? null : Clean(title);
        axis.MajorGridlineStyle = hasGrid ? LineStyle.Solid : LineStyle.None;
        axis.MajorGridlineColor = s_grid;
        axis.TicklineColor = s_grid;
        axis.AxislineColor = s_grid;
        axis.TextColor = s_ink;
        axis.TitleColor = s_ink;
        axis.AxisTitleDistance = 8;
        axis.MinorTickSize = 0;
        return axis;
    }

    /// <summary>The chart as SVG. The same chart gives the same text on every machine: text is measured by built-in tables.</summary>
    public static string Export(PlotModel model, ChartOptions options)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(options.Width, "options.Width");
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(options.Height, "options.Height");
        var exporter = new SvgExporter { Width = options.Width, Height = options.Height, TextMeasurer = new WideText(options.Width, options.Height), UseVerticalTextAlignmentWorkaround = true };
        string svg = exporter.ExportToString(model).ReplaceLineEndings("\n");
        // The exporter writes the declaration whether or not it is asked for a document.
        svg = (options.IsDocument ? "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n" : "") + svg[svg.IndexOf("<svg", StringComparison.Ordinal)..].TrimEnd() + "\n";
        // OxyPlot reports what went wrong by drawing it.
        return model.GetLastPlotException() is { } failure ? throw new InvalidOperationException($"The chart '{model.Title}' cannot be drawn: {failure.Message}", failure) : svg;
    }

    /// <summary>Text that XML can hold.</summary>
    public static string Clean(string text) => string.Create(text.Length, text, static (span, text) =>
    {
        for (int i = 0; i < text.Length; i++)
        {
            // A surrogate is let through in its pair only.
            bool isPair = (i + 1 < text.Length && XmlConvert.IsXmlSurrogatePair(text[i + 1], text[i])) || (i > 0 && XmlConvert.IsXmlSurrogatePair(text[i], text[i - 1]));
            span[i] = XmlConvert.IsXmlChar(text[i]) || isPair ? text[i] : '\uFFFD';
        }
    });
}
