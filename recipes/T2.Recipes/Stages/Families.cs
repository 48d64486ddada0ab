using System.Globalization;
using T2.Gguf.Experts;

namespace T2.Recipes;

/// <summary>What was trained, by how it was: the names of folders and of rows.</summary>
internal static class Families
{
    /// <summary>LoRA by policy gradient.</summary>
    public const string PolicyLora = "lora-policy";

    /// <summary>SVF by likelihood, on the weights of the shipped experts.</summary>
    public const string NextToken = "svf-next-token";

    /// <summary>LoRA by likelihood, without an anchor in the other skills.</summary>
    public const string PlainLora = "lora-unanchored";

    /// <summary>Other choices of weights.</summary>
    public static IReadOnlyList<string> Weights { get; } = ["mlp", "attention", "all"];

    /// <summary>Weights of KL on the task's own questions alone, without an anchor in the other skills.</summary>
    public static IReadOnlyList<double> WithoutAnchor { get; } = [0.05, 1];

    /// <summary>SVF by likelihood on other weights.</summary>
    public static string OnWeights(string weights) => "svf-on-" + weights;

    /// <summary>SVF by likelihood without an anchor.</summary>
    public static string WithKl(double kl) => "svf-unanchored-" + kl.ToString(CultureInfo.InvariantCulture);

    /// <summary>Everything that has an adapter for each skill, what is missing left out.</summary>
    public static IEnumerable<Row> All(RecipeOptions options)
    {
        yield return Of("SVF, policy gradient", skill => Shipped(options, skill)) with { Principal = true };
        yield return Of("SVF, next-token", skill => Existing(options, NextToken, skill, options.Compared(NextToken, skill.Name))) with { Principal = true };
        foreach (double kl in WithoutAnchor)
            yield return Of(string.Create(CultureInfo.InvariantCulture, $"SVF, next-token, no anchor, KL {kl}"), skill => Existing(options, WithKl(kl), skill, options.Compared(WithKl(kl), skill.Name)));
        yield return Of("LoRA, policy gradient", skill => Lora(options, "lora-policy", skill, options.Compared(PolicyLora, skill.Name))) with { Principal = true };
        yield return Of("LoRA, next-token", skill => Lora(options, "lora", skill, options.Lora(skill.Name))) with { Principal = true };
        yield return Of("LoRA, next-token, no anchor", skill => Lora(options, PlainLora, skill, options.Compared(PlainLora, skill.Name)));
    }

    /// <summary>A skill's shipped expert, where its file is.</summary>
    public static Measurement.Answerer? Shipped(RecipeOptions options, Skill skill) => Existing(options, "svf-policy", skill, options.Expert(skill.Name));

    /// <summary>The classification expert, where its file is.</summary>
    public static Measurement.Answerer? Classifier(RecipeOptions options) => File.Exists(options.Classifier) ? new("classifier", options.Model, Expert.Load(options.Classifier)) : null;

    /// <summary>An SVF expert on the base, where its file is.</summary>
    public static Measurement.Answerer? Existing(RecipeOptions options, string family, Skill skill, string file) =>
        File.Exists(file) ? new($"{family}-{skill.Name}", options.Model, Expert.Load(file)) : null;

    private static Measurement.Answerer? Lora(RecipeOptions options, string family, Skill skill, string file) =>
        File.Exists(file) ? new($"{family}-{skill.Name}", options.Model, null, file) : null;

    private static Row Of(string title, Func<Skill, Measurement.Answerer?> system) =>
        new(title, [.. SkillSet.WithExpert.Select(skill => (skill, system(skill))).Where(static pair => pair.Item2 is not null).Select(static pair => (pair.skill, pair.Item2!))]);

    /// <summary>A family with the systems there are.</summary>
    /// <param name="Title">What tables call it.</param>
    /// <param name="Systems">Its members.</param>
    /// <param name="Principal">Whether its members are shown on every task, unseen ones too.</param>
    public sealed record Row(string Title, IReadOnlyList<(Skill Skill, Measurement.Answerer System)> Systems, bool Principal = false);
}
