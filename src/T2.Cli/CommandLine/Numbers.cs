using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;

namespace T2.Cli;

/// <summary>Options that take a number in a range, and say so when they are given something else.</summary>
internal static class Numbers
{
    internal static Option<int> Whole(string name, string[] aliases, string description, int lowest, int highest, int otherwise) =>
        Make(name, aliases, description, otherwise, text => int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int value) && value >= lowest && value <= highest
            ? value
            : null, highest == int.MaxValue ? $"a whole number of at least {lowest}" : $"a whole number from {lowest} to {highest}");

    internal static Option<float> Real(string name, string description, float lowest, float highest, float otherwise) =>
        Make(name, [], description, otherwise, text => float.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out float value) && value >= lowest && value <= highest
            ? value
            : null, highest == float.MaxValue ? Units.Invariant($"a number of at least {lowest}") : Units.Invariant($"a number from {lowest} to {highest}"));

    /// <summary>A seed as llama.cpp takes it: 32 bits unsigned, or −1 for a random one, which is given as null.</summary>
    internal static Option<uint?> Seed(string name, string[] aliases, string description) => new(name, aliases)
    {
        Description = description,
        HelpName = "N",
        CustomParser = result =>
        {
            string text = result.Tokens[^1].Value;
            if (long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long value) && value is >= -1 and <= uint.MaxValue)
                return value < 0 ? null : (uint)value;
            result.AddError($"{name} takes -1 or a whole number up to {uint.MaxValue}, not '{text}'.");
            return null;
        },
    };

    private static Option<T> Make<T>(string name, string[] aliases, string description, T otherwise, Func<string, T?> parse, string range)
        where T : struct => new(name, aliases)
        {
            Description = description,
            HelpName = "N",
            DefaultValueFactory = _ => otherwise,
            CustomParser = result =>
            {
                string text = result.Tokens[^1].Value;
                if (parse(text) is { } value)
                    return value;
                result.AddError($"{name} takes {range}, not '{text}'.");
                return otherwise;
            },
        };
}
