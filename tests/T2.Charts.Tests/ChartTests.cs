using System.Globalization;
using System.Xml.Linq;

namespace T2.Charts.Tests;

public sealed class ChartTests
{
    private static readonly XNamespace s_svg = "http://www.w3.org/2000/svg";

    private static readonly Series[] s_lines =
    [
        new("T2", [(1, 10), (10, 20), (100, 15)]) { HasMarkers = true },
        new("LoRA <r16> & more", [(1, 12), (10, double.NaN), (100, 30)]) { IsDashed = true },
    ];

    private static readonly BarGroup[] s_groups =
    [
        new("base", [0.25, 0.5]) { Intervals = [(0.2, 0.3), (0.45, 0.55)] },
        new("expert", [0.75, double.NaN]),
    ];

    [Fact]
    public void Lines_are_drawn_with_their_title_labels_and_names()
    {
        var texts = Texts(Chart.Lines("Time & tokens", "tokens", "ms", s_lines));
        Assert.Contains("Time & tokens", texts);
        Assert.Contains("tokens", texts);
        Assert.Contains("ms", texts);
        Assert.Contains("T2", texts);
        Assert.Contains("LoRA <r16> & more", texts);
    }

    [Fact]
    public void A_chart_is_the_same_text_every_time_and_in_every_culture()
    {
        string first = Chart.Lines("t", "x", "y", s_lines, new ChartOptions { IsLogarithmicX = true });
        var culture = CultureInfo.CurrentCulture;
        try
        {
            // Its own number format: a comma for the point.
            CultureInfo.CurrentCulture = new CultureInfo("") { NumberFormat = { NumberDecimalSeparator = "," } };
            Assert.Equal(first, Chart.Lines("t", "x", "y", s_lines, new ChartOptions { IsLogarithmicX = true }));
        }
        finally
        {
            CultureInfo.CurrentCulture = culture;
        }
    }

    [Fact]
    public void A_bar_is_as_high_as_its_value_and_carries_its_interval()
    {
        var document = XDocument.Parse(Chart.Bars("accuracy", "share", ["math", "code"], s_groups, new ChartOptions { MaximumY = 1 }));
        var bars = document.Descendants(s_svg + "rect").Where(static rect => rect.Attribute("style")?.Value.Contains("fill:rgb(0,114,178)", StringComparison.Ordinal) == true).ToArray();
        // The last one is the legend's.
        var heights = bars.Take(2).Select(static rect => double.Parse(rect.Attribute("height")!.Value, CultureInfo.InvariantCulture)).ToArray();
        Assert.Equal(2.0, heights[1] / heights[0], 2);
        Assert.Contains("math", Texts(document));
        int with = document.Descendants(s_svg + "polyline").Count() + document.Descendants(s_svg + "line").Count();
        var bare = XDocument.Parse(Chart.Bars("accuracy", "share", ["math", "code"], [.. s_groups.Select(static group => group with { Intervals = null })], new ChartOptions { MaximumY = 1 }));
        Assert.True(with > bare.Descendants(s_svg + "polyline").Count() + bare.Descendants(s_svg + "line").Count());
    }

    [Fact]
    public void A_heat_map_writes_every_value_it_knows()
    {
        var texts = Texts(Chart.Heatmap("experts by task", ["math", "code"], ["gsm", "mbpp", "arc"], new[,] { { 0.5, 1.25, 2 }, { double.NaN, -1, 0 } }, "0.00"));
        foreach (string text in (string[])["0.50", "1.25", "2.00", "-1.00", "0.00", "math", "code", "gsm", "mbpp", "arc"])
            Assert.Contains(text, texts);
        Assert.DoesNotContain("NaN", texts);
    }

    [Fact]
    public void The_first_row_of_a_heat_map_is_on_top()
    {
        var document = XDocument.Parse(Chart.Heatmap("t", ["first", "second"], ["c"], new double[,] { { 1 }, { 2 } }, "0"));
        Assert.True(Height("first") < Height("second"));

        double Height(string name) => double.Parse(
            document.Descendants(s_svg + "text").Single(text => text.Value == name).Attribute("y")?.Value
            ?? document.Descendants(s_svg + "text").Single(text => text.Value == name).Attribute("transform")!.Value.Split([',', ')', '('])[2], CultureInfo.InvariantCulture);
    }

    [Fact]
    public void Names_beside_and_below_a_chart_have_room_in_a_wide_font_too()
    {
        const string Name = "abcdeghnopqu";
        var document = XDocument.Parse(Chart.Heatmap("t", [Name], ["c"], new double[,] { { 1 } }, "0"));
        // Right-aligned: it ends at the axis, and begins that far left of it. DejaVu Sans takes 0.62 em a letter of these.
        string place = document.Descendants(s_svg + "text").Single(static text => text.Value == Name).Attribute("transform")!.Value;
        Assert.True(double.Parse(place.Split('(', ',', ')')[1], CultureInfo.InvariantCulture) > 0.62 * 12 * Name.Length, place);
    }

    [Fact]
    public void SVG_for_a_page_has_no_declaration()
    {
        Assert.StartsWith("<?xml", Chart.Lines("t", "x", "y", s_lines), StringComparison.Ordinal);
        Assert.StartsWith("<svg", Chart.Lines("t", "x", "y", s_lines, new ChartOptions { IsDocument = false }), StringComparison.Ordinal);
    }

    [Fact]
    public void Names_that_XML_cannot_hold_are_drawn_without_what_it_cannot()
    {
        var texts = Texts(Chart.Lines("bell\u0007 \U0001F600 \uD800", "x", "y", s_lines));
        Assert.Contains("bell\uFFFD \U0001F600 \uFFFD", texts);
    }

    [Fact]
    public void What_cannot_be_drawn_is_refused_by_name()
    {
        Assert.Contains("no series", Assert.Throws<ArgumentException>(static () => Chart.Lines("t", "x", "y", [])).Message, StringComparison.Ordinal);
        var negative = Assert.Throws<ArgumentException>(static () => Chart.Lines("t", "x", "y", [new("loss", [(0, 1)])], new ChartOptions { IsLogarithmicX = true }));
        Assert.Contains("'loss'", negative.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(static () => Chart.Lines("t", "x", "y", [new("a", [(0, double.PositiveInfinity)])]));
        Assert.Contains("'expert'", Assert.Throws<ArgumentException>(static () => Chart.Bars("t", "y", ["one"], [new("expert", [1, 2])])).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(static () => Chart.Heatmap("t", ["a"], ["b"], new double[2, 1], "0"));
    }

    [Fact]
    public void Extreme_values_are_drawn_too()
    {
        Texts(Chart.Lines("t", "x", "y", [new("flat", [(1, 5), (2, 5)])]));
        Texts(Chart.Lines("t", "x", "y", [new("point", [(1, 5)])]));
        Texts(Chart.Lines("t", "x", "y", [new("none", [])]));
        Texts(Chart.Bars("t", "y", ["a"], [new("zero", [0])]));
        Texts(Chart.Lines("t", "x", "y", [new("wide", [(1e-300, 1e-300), (1e300, 1e300)])]));
    }

    private static string[] Texts(string svg) => Texts(XDocument.Parse(svg));

    private static string[] Texts(XDocument document) => [.. document.Descendants(s_svg + "text").Select(static text => text.Value)];
}
