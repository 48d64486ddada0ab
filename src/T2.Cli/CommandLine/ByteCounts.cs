using System.CommandLine;
using System.Globalization;

namespace T2.Cli;

/// <summary>Options that take an amount of memory: <c>8GiB</c>, <c>512 MiB</c>, <c>24GB</c>, <c>1073741824</c>.</summary>
internal static class ByteCounts
{
    /// <summary>More than any machine has: beyond it, a typing error.</summary>
    private const long Most = 1L << 50;

    private static readonly (string Name, long Bytes)[] s_units =
    [
        ("KiB", 1L << 10), ("MiB", 1L << 20), ("GiB", 1L << 30), ("TiB", 1L << 40),
        ("KB", 1000), ("MB", 1_000_000), ("GB", 1_000_000_000), ("TB", 1_000_000_000_000),
        // As llama.cpp and most people mean them.
        ("K", 1L << 10), ("M", 1L << 20), ("G", 1L << 30), ("T", 1L << 40),
        ("B", 1),
    ];

    internal static Option<long?> Optional(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "SIZE",
        CustomParser = result =>
        {
            string text = result.Tokens[^1].Value;
            if (Parse(text) is { } bytes)
                return bytes;
            result.AddError($"{name} takes a size such as 8GiB, 512MiB or 24GB, not '{text}'.");
            return null;
        },
    };

    /// <summary>Bytes; null where the text is no size, is negative, or is more than 1024 TiB.</summary>
    internal static long? Parse(string text)
    {
        string number = text.Trim();
        long scale = 1;
        foreach (var (unit, bytes) in s_units)
        {
            if (!number.EndsWith(unit, StringComparison.OrdinalIgnoreCase))
                continue;
            (number, scale) = (number[..^unit.Length].TrimEnd(), bytes);
            break;
        }
        return double.TryParse(number, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double value) && value * scale <= Most ? (long)(value * scale) : null;
    }
}
