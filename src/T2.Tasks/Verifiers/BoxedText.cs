namespace T2.Tasks;

/// <summary>Finds what LaTeX answers put in a box.</summary>
internal static class BoxedText
{
    private static readonly string[] s_openings = ["\\boxed{", "\\fbox{"];

    /// <summary>The content of the last box whose braces balance; null when there is none.</summary>
    public static string? Last(string text)
    {
        for (int from = text.Length; from > 0;)
        {
            int start = -1;
            int opening = 0;
            foreach (string candidate in s_openings)
            {
                int found = text.AsSpan(0, from).LastIndexOf(candidate, StringComparison.Ordinal);
                if (found > start)
                    (start, opening) = (found, candidate.Length);
            }
            if (start < 0)
                return null;
            if (Balanced(text.AsSpan(start + opening)) is { } length)
                return text.Substring(start + opening, length);
            from = start;
        }
        return null;
    }

    /// <summary>Length of the text up to the brace that closes it.</summary>
    private static int? Balanced(ReadOnlySpan<char> text)
    {
        int depth = 1;
        for (int index = 0; index < text.Length; index++)
        {
            if (text[index] == '\\')
                index++;
            else if (text[index] == '{')
                depth++;
            else if (text[index] == '}' && --depth == 0)
                return index;
        }
        return null;
    }
}
