namespace T2.Llama;

/// <summary>The last warnings and errors that llama.cpp printed on one thread during one call.</summary>
internal sealed class LlamaLogCapture(LlamaLogCapture? outer) : IDisposable
{
    private const int MaxLines = 8;
    private readonly Queue<string> _lines = new();

    public void Add(string line)
    {
        if (_lines.Count == MaxLines)
            _lines.Dequeue();
        _lines.Enqueue(line);
        outer?.Add(line);
    }

    /// <summary>The lines as the tail of an exception message, or nothing when llama.cpp was silent.</summary>
    public string Explanation
    {
        get
        {
            LlamaLog.FlushPending();
            return _lines.Count == 0 ? "" : " llama.cpp says: " + string.Join(" | ", _lines);
        }
    }

    public void Dispose() => LlamaLog.EndCapture(outer);
}
