using System.Text.Json;

namespace T2.Training;

/// <summary>The JSONL log of a run. A resumed run drops the lines after its checkpoint, so the log reads as if nothing had happened.</summary>
internal sealed class BaseTrainingLog : IDisposable
{
    private readonly FileStream? _file;

    public BaseTrainingLog(string? path, long resumedStep)
    {
        if (path is null)
            return;
        var kept = resumedStep > 0 && File.Exists(path) ? File.ReadLines(path).TakeWhile(line => StepOf(line) <= resumedStep).ToList() : [];
        File.WriteAllLines(path, kept);
        _file = new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.Read);
    }

    public void Write(BaseProgress progress, bool validated)
    {
        if (_file is null)
            return;
        using (var json = new Utf8JsonWriter(_file))
        {
            json.WriteStartObject();
            json.WriteNumber("step", progress.Step);
            json.WriteNumber("loss", progress.Loss);
            if (validated && progress.ValidationLoss is { } validation)
                json.WriteNumber("validation_loss", validation);
            json.WriteNumber("learning_rate", progress.LearningRate);
            json.WriteNumber("gradient_norm", progress.GradientNorm);
            json.WriteNumber("tokens", progress.Tokens);
            json.WriteNumber("tokens_per_second", Math.Round(progress.TokensPerSecond, 1));
            json.WriteNumber("seconds", Math.Round(progress.Elapsed.TotalSeconds, 3));
            json.WriteEndObject();
        }
        _file.WriteByte((byte)'\n');
        _file.Flush();
    }

    public void Dispose() => _file?.Dispose();

    private static long StepOf(string line)
    {
        try
        {
            using var json = JsonDocument.Parse(line);
            return json.RootElement.GetProperty("step").GetInt64();
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            return long.MaxValue; // cut off while it was written
        }
    }
}
