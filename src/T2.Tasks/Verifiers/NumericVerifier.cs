using System.Globalization;

namespace T2.Tasks;

/// <summary>
/// Right is the same number, however it is written: "1,234", "$1234.00", "2468/2", "\boxed{1234}". What the model said is the last <c>\boxed{}</c> if it has a
/// number, else what follows the last "####", else its last number. Numbers are compared as exact fractions. Where just one of the two has a percent sign, that
/// sign may be a unit (50 % = 50) or a hundredth (50 % = 0.5).
/// </summary>
public sealed class NumericVerifier : IVerifier
{
    private readonly RationalNumber _tolerance;

    /// <summary>Makes one.</summary>
    /// <param name="tolerance">Largest difference that still counts as equal; 0 = none.</param>
    public NumericVerifier(double tolerance = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(tolerance);
        if (!double.IsFinite(tolerance))
            throw new ArgumentOutOfRangeException(nameof(tolerance), tolerance, "Must be finite.");
        _tolerance = RationalNumber.Parse(tolerance.ToString("R", CultureInfo.InvariantCulture));
    }

    /// <inheritdoc/>
    public string Name => "numeric";

    /// <inheritdoc/>
    public ValueTask<Verdict> VerifyAsync(TaskItem item, string answer, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(item);
        ArgumentNullException.ThrowIfNull(answer);
        if (NumberReader.Last(item.Answer) is not { } expected)
            return new(new Verdict(false, null, Misfit(item)));
        if (NumberReader.Last(answer) is not { } said)
            return new(new Verdict(false, null, "no number in the answer"));
        return new(new Verdict(Equal(said, expected), said.Text, null));
    }

    /// <inheritdoc/>
    public string? Misfit(TaskItem item)
    {
        ArgumentNullException.ThrowIfNull(item);
        return NumberReader.Last(item.Answer) is null ? $"there is no number in its answer '{item.Answer}'." : null;
    }

    private bool Equal(WrittenNumber said, WrittenNumber expected)
    {
        if (Near(said.Value, expected.Value))
            return true;
        if (said.Percent == expected.Percent)
            return false;
        return said.Percent ? Near(said.Value.Hundredth(), expected.Value) : Near(said.Value, expected.Value.Hundredth());
    }

    private bool Near(RationalNumber left, RationalNumber right) => left.DistanceTo(right).CompareTo(_tolerance) <= 0;
}
