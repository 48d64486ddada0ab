namespace T2.Tasks;

/// <summary>A number as it stands in a text.</summary>
/// <param name="Text">How it is written.</param>
/// <param name="Value">What it is, a percent sign aside.</param>
/// <param name="Percent">Whether a percent sign follows.</param>
internal readonly record struct WrittenNumber(string Text, RationalNumber Value, bool Percent);
