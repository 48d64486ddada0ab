using System.Globalization;

namespace T2.Cli;

/// <summary>Numbers as people read them, the same in every locale.</summary>
internal static class Units
{
    /// <summary>Bytes in powers of 1024.</summary>
    internal static string Bytes(long bytes)
    {
        string[] units = ["B", "KiB", "MiB", "GiB", "TiB"];
        double value = bytes;
        int unit = 0;
        for (; value >= 1024 && unit < units.Length - 1; unit++)
            value /= 1024;
        return unit == 0 ? Invariant($"{bytes} B") : Invariant($"{value:0.0} {units[unit]}");
    }

    internal static string Count(long count) => count.ToString("N0", CultureInfo.InvariantCulture);

    internal static string Percent(double share) => Invariant($"{share * 100:0.0} %");

    internal static string Milliseconds(TimeSpan time) => Invariant($"{time.TotalMilliseconds:0.0}");

    internal static string Seconds(TimeSpan time) => time.TotalSeconds < 60
        ? Invariant($"{time.TotalSeconds:0.0} s")
        : time.ToString(time.TotalHours < 1 ? @"m\:ss" : @"h\:mm\:ss", CultureInfo.InvariantCulture);

    /// <summary>A value with four significant digits.</summary>
    internal static string Value(double value) => value.ToString("G4", CultureInfo.InvariantCulture);

    internal static string Invariant(FormattableString text) => FormattableString.Invariant(text);
}
