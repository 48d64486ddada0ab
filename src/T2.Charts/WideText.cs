using OxyPlot;

namespace T2.Charts;

/// <summary>
/// Measures text by OxyPlot's own tables for Arial, and leaves more room than they say: they are narrow, and a viewer that lacks Arial draws with a wider
/// font (DejaVu Sans, Verdana), which would run out of its place.
/// </summary>
internal sealed class WideText(double width, double height) : PdfRenderContext(width, height, OxyColors.White)
{
    private const double Room = 1.4;

    public override OxySize MeasureText(string text, string fontFamily, double fontSize, double fontWeight)
    {
        var size = base.MeasureText(text, "Arial", fontSize, fontWeight);
        return new OxySize(size.Width * Room, size.Height);
    }
}
