using System.Globalization;
using System.Text.RegularExpressions;

namespace T2.Tasks;

/// <summary>The choices of an item: their labels and their texts.</summary>
internal sealed partial class ChoiceSet
{
    private const int Letters = 26;
    private readonly string[]? _texts;
    private readonly string[]? _labels;

    /// <param name="choices">As in the item; null when it names none: then any letter or number may be a label.</param>
    public ChoiceSet(IReadOnlyList<string>? choices)
    {
        if (choices is null)
            return;
        var matches = choices.Select(static choice => Labelled().Match(choice)).ToArray();
        bool labelled = matches.All(static match => match.Success)
            && matches.Select(static match => match.Groups["label"].Value).Distinct(StringComparer.OrdinalIgnoreCase).Count() == matches.Length;
        _texts = labelled ? [.. matches.Select(static match => match.Groups["text"].Value.Trim())] : [.. choices.Select(static choice => choice.Trim())];
        _labels = labelled ? [.. matches.Select(static match => match.Groups["label"].Value)] : null;
    }

    /// <summary>Texts of the choices; empty when none are named.</summary>
    public IReadOnlyList<string> Texts => _texts ?? [];

    /// <summary>The choice a label or a text means; null when it means none. Labels that choices bring along come before texts, invented ones after.</summary>
    public int? IndexOf(string labelOrText)
    {
        labelOrText = labelOrText.Trim();
        return _labels is null ? OfText(labelOrText) ?? OfLabel(labelOrText) : OfLabel(labelOrText) ?? OfText(labelOrText);
    }

    /// <summary>The choice of this text; null when there is none.</summary>
    public int? OfText(string text)
    {
        int index = _texts is null ? -1 : Array.FindIndex(_texts, choice => string.Equals(choice, text, StringComparison.OrdinalIgnoreCase));
        return index < 0 ? null : index;
    }

    /// <summary>The choice of this label, a letter in either case or a number from 1; null when there is none.</summary>
    public int? OfLabel(string label)
    {
        if (_labels is not null)
        {
            int index = Array.FindIndex(_labels, own => string.Equals(own, label, StringComparison.OrdinalIgnoreCase));
            return index < 0 ? null : index;
        }
        int? found = null;
        if (label.Length == 1 && char.IsAsciiLetter(label[0]))
            found = char.ToUpperInvariant(label[0]) - 'A';
        else if (int.TryParse(label, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number >= 1)
            found = number - 1;
        return found < (_texts?.Length ?? Letters) ? found : null;
    }

    /// <summary>How a choice is reported.</summary>
    public string Label(int index) => _labels?[index] ?? (index < Letters ? ((char)('A' + index)).ToString() : (index + 1).ToString(CultureInfo.InvariantCulture));

    [GeneratedRegex("""^\s*\(?(?<label>[A-Za-z]|\d{1,2})[).:]\s+(?<text>\S.*)$""", RegexOptions.CultureInvariant | RegexOptions.Singleline)]
    private static partial Regex Labelled();
}
