using System.Text.RegularExpressions;

namespace T2.Tasks;

/// <summary>Finds which choice a text settles on.</summary>
internal static partial class ChoiceReader
{
    /// <summary>The choice; null when the text settles on none.</summary>
    public static int? Read(string text, ChoiceSet choices)
    {
        text = Plain(text);
        if (BoxedText.Last(text) is { } boxed && Settled(Wrapping().Replace(boxed, "${inner}"), choices) is { } inBox)
            return inBox;
        for (var match = Announcement().Match(text); match.Success; match = match.NextMatch())
        {
            if (Settled(text[(match.Index + match.Length)..], choices) is { } announced)
                return announced;
        }
        return Settled(text, choices) ?? OnlyTextMentioned(text, choices) ?? LastLabel(text, choices);
    }

    /// <summary>The choice a text is or begins with: "B", "(b)", "B.", "B) seven", "seven".</summary>
    private static int? Settled(string text, ChoiceSet choices)
    {
        text = text.Trim();
        string line = text.Split('\n', 2)[0].TrimEnd(' ', '\t', '\r', '.', '!', ',');
        if (choices.OfText(line) is { } whole)
            return whole;
        var match = LeadingLabel().Match(text);
        if (match.Success && choices.OfLabel(match.Groups["label"].Value) is { } labelled)
            return labelled;
        // The longest first: "seventeen" begins with "seven" too.
        foreach (var (choice, index) in choices.Texts.Select(static (choice, index) => (choice, index)).OrderByDescending(static pair => pair.choice.Length))
        {
            if (StartsWithWord(text, choice))
                return index;
        }
        return null;
    }

    private static int? OnlyTextMentioned(string text, ChoiceSet choices)
    {
        int? only = null;
        for (int index = 0; index < choices.Texts.Count; index++)
        {
            if (!Mentions(text, choices.Texts[index]))
                continue;
            if (only is not null)
                return null;
            only = index;
        }
        return only;
    }

    // "A" and "I" are words too: alone in a sentence they are labels only in brackets or at its end.
    private static int? LastLabel(string text, ChoiceSet choices)
    {
        int? last = null;
        foreach (Match match in LoneLabel().Matches(text))
            last = choices.OfLabel(match.Groups["label"].Value) ?? last;
        return last;
    }

    private static bool StartsWithWord(string text, string word) =>
        word.Length > 0 && text.StartsWith(word, StringComparison.OrdinalIgnoreCase) && (text.Length == word.Length || !BelongsToWord(text[word.Length]));

    private static bool BelongsToWord(char character) => char.IsLetterOrDigit(character) || character is '-' or '_';

    private static bool Mentions(string text, string word)
    {
        for (int at = 0; word.Length > 0 && (at = text.IndexOf(word, at, StringComparison.OrdinalIgnoreCase)) >= 0; at++)
        {
            if ((at == 0 || !BelongsToWord(text[at - 1])) && StartsWithWord(text[at..], word))
                return true;
        }
        return false;
    }

    private static string Plain(string text) => text.Replace("**", "", StringComparison.Ordinal).Replace("__", "", StringComparison.Ordinal).Replace("`", "", StringComparison.Ordinal);

    [GeneratedRegex("""^\$?\\(?:text|mathrm|textbf|mathbf)\{(?<inner>.*)\}\$?$""", RegexOptions.CultureInvariant | RegexOptions.Singleline)]
    private static partial Regex Wrapping();

    // From right to left, so that the first match is the last thing announced.
    [GeneratedRegex(
        """(?:\b(?:answer|choice|option|label|class|category)\b\s*(?:(?:would|should|must|to\s+this|here)\s+)?(?:is|be|was|:|=)*\s*:?|\b(?:choose|pick|select|option|choice|answer)\b\s*:?|####)\s*(?:\b(?:option|choice|letter|number)\b)?\s*""",
        RegexOptions.CultureInvariant | RegexOptions.IgnoreCase | RegexOptions.RightToLeft)]
    private static partial Regex Announcement();

    [GeneratedRegex("""^[\s"'$]*(?:[(\[{]\s*(?<label>[A-Za-z]|\d{1,2})\s*[)\]}]|(?<label>[A-Za-z]|\d{1,2})(?:\s*[).:,;\]]|\s*\n|["'$]*\s*$|\s+-\s))""", RegexOptions.CultureInvariant)]
    private static partial Regex LeadingLabel();

    [GeneratedRegex("""[(\[](?<label>[A-Za-z]|\d{1,2})[)\]]|(?<![\p{L}\p{Nd}'’])(?<label>[B-HJ-Z]|\d{1,2})(?![\p{L}\p{Nd}'’])|(?<![\p{L}\p{Nd}'’])(?<label>[AI])(?=\s*(?:[.,;:!?)]|$))""", RegexOptions.CultureInvariant)]
    private static partial Regex LoneLabel();
}
