using System.CommandLine;
using System.Globalization;

namespace T2.Cli;

/// <summary>Options that take a number in a range, and say so when they are given something else.</summary>
internal static class Numbers
{
    internal static Option<int> Whole(string name, string[] aliases, string description, int lowest, int highest, int otherwise)
    {
        var option = Make<int>(name, aliases, description, WholeIn(lowest, highest), RangeOf(lowest, highest));
        option.DefaultValueFactory = _ => otherwise;
        return option;
    }

    /// <summary>A number whose default depends on something else; null where it is not given.</summary>
    internal static Option<int?> Optional(string name, string[] aliases, string description, int lowest, int highest)
    {
        var parse = WholeIn(lowest, highest);
        return Make<int?>(name, aliases, description, text => parse(text), RangeOf(lowest, highest));
    }

    internal static Option<float> Real(string name, string description, float lowest, float highest, float otherwise)
    {
        var option = Make<float>(
            name,
            [],
            description,
            text => float.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out float value) && value >= lowest && value <= highest ? (true, value) : default,
            highest == float.MaxValue ? Units.Invariant($"a number of at least {lowest}") : Units.Invariant($"a number from {lowest} to {highest}"));
        option.DefaultValueFactory = _ => otherwise;
        return option;
    }

    /// <summary>A seed as llama.cpp takes it: 32 bits unsigned but not its mark for a random one, or −1 for that, which is given as null.</summary>
    internal static Option<uint?> Seed(string name, string[] aliases, string description) => Make<uint?>(
        name,
        aliases,
        description,
        static text => long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long value) && value is >= -1 and < uint.MaxValue
            ? (true, value < 0 ? null : (uint)value)
            : default,
        $"-1 or a whole number up to {uint.MaxValue - 1}");

    private static Func<string, (bool, int)> WholeIn(int lowest, int highest) => text =>
        int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int value) && value >= lowest && value <= highest ? (true, value) : default;

    private static string RangeOf(int lowest, int highest) =>
        highest == int.MaxValue ? $"a whole number of at least {lowest}" : $"a whole number from {lowest} to {highest}";

    private static Option<T> Make<T>(string name, string[] aliases, string description, Func<string, (bool IsValid, T Value)> parse, string range) => new(name, aliases)
    {
        Description = description,
        HelpName = "N",
        CustomParser = result =>
        {
            string text = result.Tokens[^1].Value;
            var (isValid, value) = parse(text);
            if (!isValid)
                result.AddError($"{name} takes {range}, not '{text}'.");
            return value;
        },
    };
}
