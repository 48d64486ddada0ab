using T2.Gguf.Experts;

namespace T2.Cli;

/// <summary>Looks at an expert file.</summary>
internal static class ExpertInspection
{
    internal static ExpertReport Inspect(string path)
    {
        var expert = Expert.Load(path);
        return new ExpertReport(
            path,
            "expert",
            expert.Name,
            expert.Architecture,
            expert.BaseFingerprint,
            expert.Description,
            expert.Task,
            expert.Training,
            expert.Extra,
            new FileInfo(path).Length,
            expert.Vectors.Values.Sum(static z => (long)z.Length),
            [.. expert.Vectors.Select(static pair => VectorReport.Of(pair.Key, pair.Value.Span))]);
    }

    internal static void Print(Terminal terminal, ExpertReport report)
    {
        var facts = Tables.Facts();
        facts.Row("file", $"{report.File} ({Units.Bytes(report.Bytes)})");
        facts.Row("expert", report.Name);
        facts.Row("for", $"{report.Architecture}, weights {report.BaseFingerprint}");
        if (report.Description is { } description)
            facts.Row("description", description);
        if (report.Task is { } task)
            facts.Row("task", task);
        if (report.Training is { } training)
            facts.Row("training", training);
        foreach (var (key, text) in report.Extra)
            facts.Row(key, text);
        facts.Row("vectors", $"{report.Vectors.Count} with {Units.Count(report.Values)} values");
        terminal.Results.Write(facts);

        var table = Tables.New("weight", "length", "min", "mean", "max", "std").Right(1, 2, 3, 4, 5);
        foreach (var vector in report.Vectors)
            table.Row(vector.Weight, Units.Count(vector.Length), Z(vector.Min), Z(vector.Mean), Z(vector.Max), Z(vector.Deviation));
        terminal.Results.Write(table);
    }

    private static string Z(double value) => Units.Invariant($"{value:0.0000}");
}
