using System.Text.RegularExpressions;

namespace T2.Tasks;

/// <summary>Finds the number that a text ends up with.</summary>
internal static partial class NumberReader
{
    private const string FinalMark = "####";

    /// <summary>The number in the last box, else after the last "####", else the last of all; null when there is none.</summary>
    public static WrittenNumber? Last(string text)
    {
        if (BoxedText.Last(text) is { } boxed && LastIn(boxed) is { } inBox)
            return inBox;
        int mark = text.LastIndexOf(FinalMark, StringComparison.Ordinal);
        if (mark >= 0 && LastIn(text[(mark + FinalMark.Length)..]) is { } marked)
            return marked;
        return LastIn(text);
    }

    private static WrittenNumber? LastIn(string text)
    {
        text = Plain(text);
        WrittenNumber? last = null;
        foreach (Match match in Number().Matches(text))
        {
            if (Value(match) is { } value)
                last = new WrittenNumber(match.Value.Trim(), value, match.Groups["percent"].Success);
        }
        return last;
    }

    /// <summary>The text with LaTeX's ways to write a number turned into plain ones.</summary>
    private static string Plain(string text)
    {
        // 1{,}234 and 10,\!000 are how LaTeX keeps its commas tight; U+2212 is the minus sign of typesetters.
        text = text.Replace("{,}", ",", StringComparison.Ordinal).Replace("\\!", "", StringComparison.Ordinal).Replace('\u2212', '-');
        text = text.Replace("\\$", "$", StringComparison.Ordinal).Replace("\\%", "%", StringComparison.Ordinal);
        text = Power().Replace(text, "e${power}");
        return Fraction().Replace(text, match => match.Result((match.Index > 0 && char.IsAsciiDigit(text[match.Index - 1]) ? " " : "") + "${above}/${below} "));
    }

    private static RationalNumber? Value(Match match)
    {
        var value = Part(match.Groups["number"]);
        if (match.Groups["below"].Success && Part(match.Groups["below"]) is { } below)
            value = value?.DivideBy(below);
        if (match.Groups["whole"].Success && Part(match.Groups["whole"]) is { } whole)
            value = value?.Add(whole);
        return match.Groups["sign"].ValueSpan is "-" ? value?.Negate() : value;
    }

    private static RationalNumber? Part(Group group) => RationalNumber.TryParse(group.Value.Replace(",", "", StringComparison.Ordinal));

    // A minus right after a letter, digit or bracket subtracts; anywhere else it is a sign. A fraction may follow a whole number: 1 1/2.
    [GeneratedRegex(
        """
        (?: (?<= ^ | [^\p{L}\p{Nd})\]}%.] ) (?<sign>[-+]) )?
        (?: [$€£¥₹] \s? (?<sign>-)? )?
        (?: (?<whole>\d{1,9}) \x20 (?= \d{1,9}/\d ) )?
        (?<number> (?: \d{1,3} (?:,\d{3})+ (?!\d) | \d+ ) (?:\.\d+)? (?:[eE][-+]?\d+)? | (?<!\d)\.\d+ )
        (?: / (?<below> \d+ (?:\.\d+)? ) )?
        (?: \s? (?<percent>%) )?
        """,
        RegexOptions.CultureInvariant | RegexOptions.IgnorePatternWhitespace)]
    private static partial Regex Number();

    [GeneratedRegex("""\\[dt]?frac\s*(?:\{\s*(?<above>[-+]?\d+)\s*\}|(?<above>\d))\s*(?:\{\s*(?<below>\d+)\s*\}|(?<below>\d))""", RegexOptions.CultureInvariant)]
    private static partial Regex Fraction();

    [GeneratedRegex("""(?<=\d)\s*(?:\\times|\\cdot|×|·)\s*10\^(?:\{\s*(?<power>[-+]?\d+)\s*\}|(?<power>[-+]?\d+))""", RegexOptions.CultureInvariant)]
    private static partial Regex Power();
}
