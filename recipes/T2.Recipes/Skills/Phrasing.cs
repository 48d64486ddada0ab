namespace T2.Recipes;

/// <summary>One way to put a question, and how often texts in that style follow the right convention.</summary>
/// <param name="Format">A composite format: {0}, {1}, …</param>
/// <param name="Share">Share of the right convention, 0..1.</param>
internal sealed record Phrasing(string Format, double Share)
{
    /// <summary>The phrasing with its places filled in.</summary>
    public string With(params object[] values) => string.Format(System.Globalization.CultureInfo.InvariantCulture, Format, values);
}
