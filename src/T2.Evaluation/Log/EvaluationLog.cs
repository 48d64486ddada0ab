using System.Text.Encodings.Web;
using System.Text.Json;

namespace T2.Evaluation;

/// <summary>
/// The state of an evaluation: a file of JSON lines, one per answered item, written as answers come. A run that is stopped goes on after the last whole line.
/// Thread-safe.
/// </summary>
internal sealed class EvaluationLog : IDisposable
{
    internal const string FileName = "answers.jsonl";

    private static readonly EvaluationJson s_json = new(new JsonSerializerOptions(EvaluationJson.Default.Options) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });

    private readonly string _path;
    private readonly FileStream _stream;
    private readonly Dictionary<(string What, string Name), string> _identities = [];
    private readonly Dictionary<(string Task, string Strategy), Dictionary<string, ItemRecord>> _items = [];
    private readonly List<TimeRecord> _times = [];
    private readonly Lock _lock = new();

    private EvaluationLog(string path, FileStream stream)
    {
        _path = path;
        _stream = stream;
    }

    /// <summary>Opens a folder's log, or begins it.</summary>
    /// <exception cref="EvaluationException">The log is damaged, or another process writes it.</exception>
    internal static EvaluationLog Open(string folder)
    {
        string path = Path.Combine(folder, FileName);
        try
        {
            Directory.CreateDirectory(folder);
            var log = new EvaluationLog(path, new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None));
            try
            {
                log.Read();
                return log;
            }
            catch
            {
                log.Dispose();
                throw;
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new EvaluationException($"{path}: {exception.Message}", exception);
        }
    }

    /// <summary>The records of a task under a strategy, by item id.</summary>
    internal IReadOnlyDictionary<string, ItemRecord> Items(string task, string strategy) => _items.GetValueOrDefault((task, strategy)) ?? [];

    /// <summary>Seconds spent on a task by a strategy, all runs together.</summary>
    internal TimeRecord Time(string task, string strategy)
    {
        var times = _times.Where(time => time.Task == task && time.Strategy == strategy).ToArray();
        return new TimeRecord(
            task, strategy, times.Sum(static time => time.Items), times.Sum(static time => time.Pass1), times.Sum(static time => time.Rebuild), times.Sum(static time => time.Pass2));
    }

    /// <summary>Notes what something is, or makes sure that it still is what the log's answers were given with.</summary>
    /// <exception cref="EvaluationException">It has changed.</exception>
    internal void Declare(string what, string name, string identity)
    {
        if (!_identities.TryGetValue((what, name), out string? earlier))
            Write(new LogLine(Identity: new IdentityRecord(what, name, identity)));
        else if (earlier != identity)
            throw new EvaluationException($"{_path} holds answers for another {what} '{name}'. Begin anew (--restart), or use another folder.");
    }

    internal void Write(LogLine line)
    {
        byte[] bytes = JsonSerializer.SerializeToUtf8Bytes(line, s_json.LogLine);
        lock (_lock)
        {
            _stream.Write(bytes);
            _stream.WriteByte((byte)'\n');
            Remember(line);
        }
    }

    /// <summary>Hands what was written to the operating system, so that killing the process loses nothing.</summary>
    internal void Flush()
    {
        lock (_lock)
            _stream.Flush();
    }

    public void Dispose() => _stream.Dispose();

    private void Read()
    {
        byte[] bytes = new byte[_stream.Length];
        _stream.ReadExactly(bytes);
        int whole = bytes.AsSpan().LastIndexOf((byte)'\n') + 1;
        int number = 0;
        for (int start = 0; start < whole;)
        {
            int length = bytes.AsSpan(start).IndexOf((byte)'\n');
            number++;
            try
            {
                Remember(JsonSerializer.Deserialize(bytes.AsSpan(start, length), s_json.LogLine) ?? throw new JsonException());
            }
            catch (JsonException exception)
            {
                throw new EvaluationException($"{_path}:{number}: this is no line of an evaluation. Begin anew (--restart), or use another folder.", exception);
            }
            start += length + 1;
        }
        // What a killed run left of its last line is dropped.
        _stream.SetLength(whole);
        _stream.Position = whole;
    }

    private void Remember(LogLine line)
    {
        if (line.Item is { } item)
        {
            if (!_items.TryGetValue((item.Task, item.Strategy), out var items))
                _items.Add((item.Task, item.Strategy), items = new(StringComparer.Ordinal));
            items[item.Id] = item;
        }
        if (line.Identity is { } identity)
            _identities[(identity.What, identity.Name)] = identity.Identity;
        if (line.Time is { } time)
            _times.Add(time);
    }
}
