namespace T2.Training;

internal static class SpanChecks
{
    /// <summary>Index of the first NaN or infinity, or −1.</summary>
    public static int IndexOfAnyNonFinite(this Span<float> values)
    {
        for (var i = 0; i < values.Length; i++)
        {
            if (!float.IsFinite(values[i]))
                return i;
        }
        return -1;
    }
}
