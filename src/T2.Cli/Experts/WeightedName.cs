using System.Globalization;

namespace T2.Cli;

/// <summary>One part of a mixture as typed: <c>math=0.7</c> or <c>experts/math.gguf=0.7</c>.</summary>
/// <param name="Name">An expert's name or file.</param>
/// <param name="Weight">Its weight α, finite.</param>
internal readonly record struct WeightedName(string Name, float Weight)
{
    /// <summary>Parses parts separated by commas.</summary>
    /// <exception cref="UsageException">A part is not NAME=WEIGHT.</exception>
    internal static IReadOnlyList<WeightedName> ParseList(string text)
    {
        WeightedName[] parts = [.. text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(Parse)];
        return parts.Length > 0 ? parts : throw new UsageException($"'{text}' names no expert; a mixture is written NAME=WEIGHT,NAME=WEIGHT.");
    }

    /// <summary>Parses one part. The last '=' counts, so that a file name may have others.</summary>
    /// <exception cref="UsageException">It is not NAME=WEIGHT.</exception>
    internal static WeightedName Parse(string text)
    {
        int equals = text.LastIndexOf('=');
        if (equals <= 0)
            throw new UsageException($"'{text}' is not a part of a mixture, which is written NAME=WEIGHT.");
        string weight = text[(equals + 1)..];
        return float.TryParse(weight, NumberStyles.Float, CultureInfo.InvariantCulture, out float value) && float.IsFinite(value)
            ? new(text[..equals], value)
            : throw new UsageException($"The weight '{weight}' in '{text}' is not a finite number.");
    }
}
