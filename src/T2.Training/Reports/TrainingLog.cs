using System.Text.Json;

namespace T2.Training;

/// <summary>A run's log: one JSON object a line, a line a step, on disk as soon as the step is done.</summary>
internal sealed class TrainingLog : IDisposable
{
    private readonly List<StepRecord> _records;
    private readonly StreamWriter _writer;

    private TrainingLog(string path, List<StepRecord> records)
    {
        _records = records;
        _writer = new StreamWriter(path, append: false) { NewLine = "\n" };
        foreach (var record in records)
            Write(record);
        _writer.Flush();
    }

    /// <summary>The steps so far.</summary>
    internal IReadOnlyList<StepRecord> Records => _records;

    /// <summary>Begins a log.</summary>
    internal static TrainingLog Begin(string path) => new(path, []);

    /// <summary>Goes on with a log after step <paramref name="step"/>: lines of later steps, which will be done again, and a cut-off last line are dropped.</summary>
    internal static TrainingLog Continue(string path, int step)
    {
        var records = new List<StepRecord>();
        if (File.Exists(path))
        {
            foreach (string line in File.ReadLines(path))
            {
                if (TryParse(line) is not { } record)
                    break;
                if (record.Step <= step)
                    records.Add(record);
            }
        }
        return new TrainingLog(path, records);
    }

    /// <summary>Adds a step.</summary>
    internal void Add(StepRecord record)
    {
        _records.Add(record);
        Write(record);
        _writer.Flush();
    }

    public void Dispose() => _writer.Dispose();

    private void Write(StepRecord record) => _writer.WriteLine(JsonSerializer.Serialize(record, StepRecordJson.Default.StepRecord));

    private static StepRecord? TryParse(string line)
    {
        try
        {
            return JsonSerializer.Deserialize(line, StepRecordJson.Default.StepRecord);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
