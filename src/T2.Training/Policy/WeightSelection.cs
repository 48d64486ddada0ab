using System.Globalization;
using System.Text.RegularExpressions;

namespace T2.Training;

/// <summary>Which of a model's adaptable weights a run trains: some of every block's, in all layers or some.</summary>
/// <param name="Part">One of <see cref="Parts"/>, a weight of a block such as <c>attn_q</c>, or several of these with commas.</param>
/// <param name="Layers">Block numbers and ranges such as <c>0-3,7</c>; null = all.</param>
public sealed partial record WeightSelection(string Part, string? Layers = null)
{
    /// <summary>The parts there are.</summary>
    public static IReadOnlyList<string> Parts { get; } = ["mlp", "attention", "all", "qv"];

    /// <summary>Gate, up and down, in all layers.</summary>
    public static WeightSelection Mlp { get; } = new("mlp");

    /// <summary>Query and value, in all layers: LoRA's usual choice.</summary>
    public static WeightSelection QueryValue { get; } = new("qv");

    /// <summary>What is wrong with <paramref name="part"/> as a <see cref="Part"/>; null = nothing that could be known without the model.</summary>
    public static string? Problem(string part)
    {
        ArgumentNullException.ThrowIfNull(part);
        string? wrong = Array.Find(Split(part), static item => !Parts.Contains(item, StringComparer.Ordinal) && !WeightName().IsMatch(item));
        return wrong is null ? null : $"'{wrong}' is no part of a block; there are {string.Join(", ", Parts)} and weights by name, as in attn_q,attn_v,ffn_down.";
    }

    /// <summary>The weights it selects, in the model's order.</summary>
    /// <param name="adaptable">Names of the model's adaptable weights, as <c>blk.N.ffn_up.weight</c>.</param>
    /// <exception cref="ArgumentException">The part or the layers make no sense.</exception>
    /// <exception cref="TrainingException">The model has no such weight.</exception>
    public IReadOnlyList<string> Resolve(IReadOnlyList<string> adaptable)
    {
        ArgumentNullException.ThrowIfNull(adaptable);
        var layers = Validate();
        string[] wanted = Split(Part);
        var selected = adaptable.Where(name => BlockName().Match(name) is { Success: true } match
            && wanted.Any(item => IsIn(item, match.Groups["weight"].Value))
            && (layers is null || layers.Contains(int.Parse(match.Groups["layer"].Value, CultureInfo.InvariantCulture)))).ToArray();
        if (selected.Length == 0)
            throw new TrainingException($"Weights '{this}' select none of the model's {adaptable.Count} adaptable weights.");
        string? absent = Array.Find(wanted, item => !selected.Any(name => IsIn(item, BlockName().Match(name).Groups["weight"].Value)));
        return absent is null ? selected : throw new TrainingException($"Weights '{this}': the model has no adaptable '{absent}' there.");
    }

    /// <inheritdoc/>
    public override string ToString() => Layers is null ? Part : $"{Part}, layers {Layers}";

    /// <summary>The layers it names; null = all.</summary>
    /// <exception cref="ArgumentException">The part or the layers make no sense.</exception>
    internal HashSet<int>? Validate()
    {
        if (Problem(Part) is { } problem)
            throw new ArgumentException(problem);
        return Layers is null ? null : ParseLayers(Layers);
    }

    private static string[] Split(string part) => part.Split(',', StringSplitOptions.TrimEntries);

    private static bool IsIn(string item, string weight) => item switch
    {
        "mlp" => weight.StartsWith("ffn_", StringComparison.Ordinal),
        "attention" => weight.StartsWith("attn_", StringComparison.Ordinal),
        "qv" => weight is "attn_q" or "attn_v",
        "all" => true,
        _ => weight == item,
    };

    private static HashSet<int> ParseLayers(string text)
    {
        const int Highest = 9999;
        var layers = new HashSet<int>();
        foreach (string part in text.Split(',', StringSplitOptions.TrimEntries))
        {
            string[] ends = part.Split('-', 2, StringSplitOptions.TrimEntries);
            if (!int.TryParse(ends[0], NumberStyles.None, CultureInfo.InvariantCulture, out int first)
                || !int.TryParse(ends[^1], NumberStyles.None, CultureInfo.InvariantCulture, out int last) || last < first || last > Highest)
                throw new ArgumentException($"'{text}' names no layers; they are written like 0-3,7.");
            layers.UnionWith(Enumerable.Range(first, last - first + 1));
        }
        return layers;
    }

    [GeneratedRegex(@"^blk\.(?<layer>\d+)\.(?<weight>\w+)\.weight\z", RegexOptions.CultureInvariant)]
    private static partial Regex BlockName();

    [GeneratedRegex(@"^(attn|ffn)_\w+\z", RegexOptions.CultureInvariant)]
    private static partial Regex WeightName();
}
