using System.Globalization;
using T2.Gguf;
using T2.Gguf.Experts;
using T2.Llama;
using T2.Training;

namespace T2.Recipes;

/// <summary>The shipped experts spoilt, scaled and put on quantised bases; others trained on other weights. Latent skills only: elsewhere there is no gain to lose.</summary>
internal static class Ablations
{
    /// <summary>The rows of the table.</summary>
    public static IEnumerable<Families.Row> Rows(RecipeOptions options)
    {
        yield return Of("expert (policy gradient)", skill => Families.Shipped(options, skill));
        yield return Of("z shuffled within each matrix", skill => Changed(options, skill, "shuffled", Shuffled));
        foreach (float scale in new[] { 0.5f, 1.5f, 2f })
        {
            string name = scale.ToString(CultureInfo.InvariantCulture);
            yield return Of($"1 + {name}·(z − 1)", skill => Changed(options, skill, "scaled-" + name, expert => Scaled(expert, scale)));
        }
        yield return Of("next-token, same weights", skill => Families.Existing(options, Families.NextToken, skill, options.Compared(Families.NextToken, skill.Name)));
        foreach (string weights in Families.Weights)
            yield return Of($"next-token, z on {weights}", skill => Families.Existing(options, Families.OnWeights(weights), skill, options.Compared(Families.OnWeights(weights), skill.Name)));
        foreach (var (name, model) in Quantised(options))
        {
            yield return Of($"base as {name}", _ => new Measurement.Answerer("base-" + name, model));
            yield return Of($"expert of F16 on {name}", skill => Families.Shipped(options, skill) is { } system ? system with { Name = $"{system.Name}-on-{name}", Model = model } : null);
        }
    }

    private static Families.Row Of(string title, Func<Skill, Measurement.Answerer?> system) =>
        new(title, [.. SkillSet.Latent.Select(skill => (skill, system(skill))).Where(static pair => pair.Item2 is not null).Select(static pair => (pair.skill, pair.Item2!))]);

    private static Measurement.Answerer? Changed(RecipeOptions options, Skill skill, string how, Func<Expert, Expert> change) =>
        Families.Shipped(options, skill) is { } system ? system with { Name = $"{system.Name}-{how}", Expert = change(system.Expert!) } : null;

    /// <summary>The same factors, each vector's in random order.</summary>
    internal static Expert Shuffled(Expert expert)
    {
        var random = new Random(1);
        return Replace(expert, z => random.Shuffle(z));
    }

    private static Expert Scaled(Expert expert, float scale) => Replace(expert, z =>
    {
        foreach (ref float value in z.AsSpan())
            value = 1 + scale * (value - 1);
    });

    private static Expert Replace(Expert expert, Action<float[]> change) => new(
        expert.Name,
        expert.Architecture,
        expert.BaseFingerprint,
        expert.Vectors.Select(pair =>
        {
            float[] z = pair.Value.ToArray();
            change(z);
            return new KeyValuePair<string, ReadOnlyMemory<float>>(pair.Key, z);
        }),
        expert.Description);

    /// <summary>The base in quantised types, made once: every matrix in one type by T2's own quantiser, and llama.cpp's own mixture.</summary>
    private static IEnumerable<(string Name, string Model)> Quantised(RecipeOptions options)
    {
        foreach (var type in new[] { TensorType.Q8_0, TensorType.Q4_K })
        {
            string path = Path.Combine(options.Work, $"t2-mini-{type}.gguf");
            if (!File.Exists(path))
            {
                using var source = GgufFile.Open(options.Model);
                TrainingModel.Load(source).WriteGguf(path, source.Metadata, _ => type);
            }
            yield return (type.ToString(), path);
        }
        string mixture = Path.Combine(options.Work, "t2-mini-Q4_K_M.gguf");
        if (!File.Exists(mixture))
            LlamaQuantizer.Quantize(options.Model, mixture, LlamaFileType.Q4_K_M, options.Threads);
        yield return ("Q4_K_M", mixture);
    }
}
