using System.Text.RegularExpressions;

namespace T2.Tasks;

/// <summary>
/// Right is the same LaTeX but for its spacing and dress, or the same number. What the model said is its last <c>\boxed{}</c>, or its last number where it has no box.
/// It knows no algebra: x+1 and 1+x are different answers.
/// </summary>
public sealed partial class MathVerifier : IVerifier
{
    /// <inheritdoc/>
    public string Name => "math";

    /// <inheritdoc/>
    public ValueTask<Verdict> VerifyAsync(TaskItem item, string answer, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(item);
        ArgumentNullException.ThrowIfNull(answer);
        string expected = Plain(BoxedText.Last(item.Answer) ?? item.Answer);
        var number = IsNumber(expected) ? NumberReader.Last(expected) : null;
        string? boxed = BoxedText.Last(answer);
        string? said = boxed ?? (number is null ? null : NumberReader.Last(answer)?.Text);
        if (said is null)
            return new(new Verdict(false, null, "no \\boxed{} in the answer"));
        string plain = Plain(said);
        bool same = plain == expected || (number is { } right && IsNumber(plain) && NumberReader.Last(plain) is { } written && written.Value == right.Value);
        return new(new Verdict(same, said, null));
    }

    /// <inheritdoc/>
    public string? Misfit(TaskItem item) => string.IsNullOrWhiteSpace(item?.Answer) ? "its answer is empty." : null;

    private static bool IsNumber(string text) => Number().IsMatch(text);

    private static string Plain(string text)
    {
        text = Words().Replace(text, "${inner}");
        text = text.Replace("\\dfrac", "\\frac", StringComparison.Ordinal).Replace("\\tfrac", "\\frac", StringComparison.Ordinal);
        text = Dress().Replace(text.Replace("{,}", ",", StringComparison.Ordinal), "");
        return text.TrimEnd('.');
    }

    [GeneratedRegex("""\\(?:text|mathrm|textbf|mathbf|mbox)\{(?<inner>[^{}]*)\}""", RegexOptions.CultureInvariant)]
    private static partial Regex Words();

    [GeneratedRegex("""\s|\\[!,;: ]|\\left|\\right|\$|\^\{?\\circ\}?|\\%|%|\\\$""", RegexOptions.CultureInvariant)]
    private static partial Regex Dress();

    [GeneratedRegex("""^[-+]?(?:[\d,]*\.?\d+(?:/\d+)?|\d+\.|\\frac(?:\{-?\d+\}|\d)(?:\{\d+\}|\d))$""", RegexOptions.CultureInvariant)]
    private static partial Regex Number();
}
