using T2.Charts;
using T2.Gguf;

namespace T2.Training;

/// <summary>The picture of a run: how often sampled answers and validation answers were right, and how far from the base it went.</summary>
internal static class TrainingCurve
{
    internal static void Write(string path, TrainingJob request, IReadOnlyList<StepRecord> records)
    {
        Series[] series =
        [
            new("sampled answers right", Smoothed([.. Points(records, static record => (record.Reward + 1) / 2)])),
            new("validation answers right", [.. Points(records, static record => record.Validation)]) { HasMarkers = true },
            new("KL from the base (nats a token)", Smoothed([.. Points(records, static record => record.Kl)])),
            new("KL on the anchor (nats a token)", Smoothed([.. Points(records, static record => record.AnchorKl)])),
            new("loss", Smoothed([.. Points(records, static record => record.Reward is null ? record.Loss : null)])),
        ];
        Series[] drawn = [.. series.Where(static one => one.Points.Count > 0)];
        if (drawn.Length == 0)
            return;
        string svg = Chart.Lines($"{Path.GetFileNameWithoutExtension(request.OutputPath)}: {request.Task.Training.Name}", "step", "share of answers; nats", drawn);
        AtomicFile.Write(path, stream => stream.Write(System.Text.Encoding.UTF8.GetBytes(svg)));
    }

    private static IEnumerable<(double X, double Y)> Points(IReadOnlyList<StepRecord> records, Func<StepRecord, double?> value)
    {
        foreach (var record in records)
        {
            if (value(record) is { } y)
                yield return (record.Step, y);
        }
    }

    /// <summary>Means over the last five steps: single steps of a few hundred answers jump about.</summary>
    private static (double X, double Y)[] Smoothed((double X, double Y)[] points)
    {
        const int Window = 5;
        var smooth = new (double X, double Y)[points.Length];
        for (int index = 0; index < points.Length; index++)
        {
            int first = Math.Max(0, index - Window + 1);
            smooth[index] = (points[index].X, points[first..(index + 1)].Average(static point => point.Y));
        }
        return smooth;
    }
}
