using System.IO.Enumeration;
using System.Text.Json;
using T2.Kernels;

namespace T2.Cli;

/// <summary>Makes the vectors of an expert for experiments, from a formula or from JSON.</summary>
internal static class VectorSource
{
    /// <summary>Evaluates a formula for each singular value of each weight that <paramref name="only"/> matches.</summary>
    /// <param name="singularValues">σ of a weight; called only if the formula uses it.</param>
    internal static Dictionary<string, ReadOnlyMemory<float>> FromFormula(
        Formula formula, BaseModel model, string? only, Func<string, ReadOnlyMemory<double>> singularValues)
    {
        var vectors = new Dictionary<string, ReadOnlyMemory<float>>(StringComparer.Ordinal);
        foreach (string weight in Matching(model, only))
        {
            var sigma = formula.UsesSigma ? singularValues(weight) : default;
            var z = new float[model.Weights[weight].Rank];
            var point = new FormulaPoint(0, z.Length, LayerOf(weight), double.NaN, FormulaPoint.SeedOf(weight));
            for (int index = 0; index < z.Length; index++)
            {
                double value = formula.Evaluate(point with { Index = index, Sigma = formula.UsesSigma ? sigma.Span[index] : double.NaN });
                z[index] = float.IsFinite((float)value)
                    ? (float)value
                    : throw new UsageException(Units.Invariant($"Formula '{formula.Text}' gives {value} for {weight}, i = {index}."));
            }
            vectors.Add(weight, z);
        }
        return vectors;
    }

    /// <summary>Reads <c>{"blk.0.ffn_up.weight": [z…], "blk.*.attn_q.weight": z}</c>; of two entries that match a weight, the later counts.</summary>
    internal static Dictionary<string, ReadOnlyMemory<float>> FromJson(string path, BaseModel model, string? only)
    {
        using var document = Read(path);
        if (document.RootElement.ValueKind != JsonValueKind.Object)
            throw new BadFileException($"{path}: a JSON object of weight names and values was expected, not {document.RootElement.ValueKind}.");
        var chosen = Matching(model, only);
        var vectors = new Dictionary<string, ReadOnlyMemory<float>>(StringComparer.Ordinal);
        foreach (var entry in document.RootElement.EnumerateObject())
        {
            var weights = chosen.Where(weight => FileSystemName.MatchesSimpleExpression(entry.Name, weight, ignoreCase: false)).ToArray();
            if (weights.Length == 0)
                throw new MisfitException($"{path}: '{entry.Name}' matches no adaptable weight of {model.File.Path}.");
            foreach (string weight in weights)
                vectors[weight] = Values(path, entry, weight, model.Weights[weight]);
        }
        return vectors.Count > 0 ? vectors : throw new BadFileException($"{path}: the object names no weights.");
    }

    private static List<string> Matching(BaseModel model, string? only)
    {
        var names = model.Weights.Keys.Where(weight => only is null || FileSystemName.MatchesSimpleExpression(only, weight, ignoreCase: false)).ToList();
        return names.Count > 0
            ? names
            : throw new MisfitException($"--only '{only}' matches none of the {model.Weights.Count} adaptable weights of {model.File.Path}.");
    }

    private static float[] Values(string path, JsonProperty entry, string weight, MatrixShape shape)
    {
        var z = new float[shape.Rank];
        if (entry.Value.ValueKind == JsonValueKind.Number)
        {
            z.AsSpan().Fill(Number(path, entry.Name, entry.Value));
            return z;
        }
        if (entry.Value.ValueKind != JsonValueKind.Array)
            throw new BadFileException($"{path}: '{entry.Name}' holds {entry.Value.ValueKind}; a number or an array of numbers was expected.");
        if (entry.Value.GetArrayLength() != z.Length)
            throw new MisfitException($"{path}: '{entry.Name}' has {entry.Value.GetArrayLength()} values, {weight} has rank {z.Length}.");
        int index = 0;
        foreach (var element in entry.Value.EnumerateArray())
            z[index++] = Number(path, entry.Name, element);
        return z;
    }

    private static float Number(string path, string name, JsonElement element) =>
        element.ValueKind == JsonValueKind.Number && element.TryGetSingle(out float value) && float.IsFinite(value)
            ? value
            : throw new BadFileException($"{path}: '{name}' holds {element}, which is not a finite number.");

    private static JsonDocument Read(string path)
    {
        try
        {
            return JsonDocument.Parse(File.ReadAllBytes(path));
        }
        catch (JsonException exception)
        {
            throw new BadFileException($"{path}: not JSON: {exception.Message}", exception);
        }
    }

    /// <summary>The N of <c>blk.N.…</c>.</summary>
    private static int LayerOf(string weight) => int.Parse(weight.Split('.')[1], System.Globalization.CultureInfo.InvariantCulture);
}
