using System.Globalization;
using System.Numerics;

namespace T2.Tasks;

/// <summary>An exact fraction: what decimals and fractions mean, without rounding.</summary>
internal readonly record struct RationalNumber
{
    /// <summary>Largest power of ten that is written out; beyond it a number is a runaway text, not a quantity.</summary>
    private const int LargestExponent = 400;

    private RationalNumber(BigInteger numerator, BigInteger denominator)
    {
        var divisor = BigInteger.GreatestCommonDivisor(numerator, denominator);
        Numerator = denominator.Sign < 0 ? -numerator / divisor : numerator / divisor;
        Denominator = BigInteger.Abs(denominator) / divisor;
    }

    public BigInteger Numerator { get; }

    public BigInteger Denominator { get; }

    /// <summary>Reads digits with at most one point and one exponent.</summary>
    public static RationalNumber Parse(string text) => TryParse(text) ?? throw new FormatException($"'{text}' is no number.");

    /// <summary>The same; null where there are too many digits or too large an exponent.</summary>
    public static RationalNumber? TryParse(ReadOnlySpan<char> text)
    {
        int exponent = 0;
        int mark = text.IndexOfAny('e', 'E');
        if (mark >= 0)
        {
            if (!int.TryParse(text[(mark + 1)..], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out exponent) || Math.Abs(exponent) > LargestExponent)
                return null;
            text = text[..mark];
        }
        int point = text.IndexOf('.');
        string digits = point < 0 ? text.ToString() : string.Concat(text[..point], text[(point + 1)..]);
        exponent -= point < 0 ? 0 : text.Length - point - 1;
        if (digits.Length > LargestExponent || !BigInteger.TryParse(digits, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole))
            return null;
        return exponent >= 0 ? new(whole * BigInteger.Pow(10, exponent), 1) : new(whole, BigInteger.Pow(10, -exponent));
    }

    public RationalNumber Add(RationalNumber other) => new((Numerator * other.Denominator) + (other.Numerator * Denominator), Denominator * other.Denominator);

    /// <summary>The quotient; null for a division by zero.</summary>
    public RationalNumber? DivideBy(RationalNumber other) => other.Numerator.IsZero ? null : new(Numerator * other.Denominator, Denominator * other.Numerator);

    public RationalNumber Negate() => new(-Numerator, Denominator);

    public RationalNumber Hundredth() => new(Numerator, Denominator * 100);

    public RationalNumber DistanceTo(RationalNumber other)
    {
        var difference = Add(other.Negate());
        return new(BigInteger.Abs(difference.Numerator), difference.Denominator);
    }

    public int CompareTo(RationalNumber other) => (Numerator * other.Denominator).CompareTo(other.Numerator * Denominator);
}
