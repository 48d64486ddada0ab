using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace T2.Llama;

/// <summary>
/// Where llama.cpp's log lines go. Warnings and errors reach <see cref="Logger"/>; nothing goes to stderr. Thread-safe.
/// </summary>
public static class LlamaLog
{
    /// <summary>The logger category of llama.cpp's lines, for hosts that make loggers by name.</summary>
    public const string Category = "llama.cpp";

    private static volatile ILogger _logger = NullLogger.Instance;

    /// <summary>Lines begun with a level and not ended yet, one per thread: llama.cpp prints some lines in pieces.</summary>
    [ThreadStatic]
    private static PendingLine? _pending;

    [ThreadStatic]
    private static LlamaLogCapture? _capture;

    /// <summary>Receives llama.cpp's warnings and errors, also from threads of llama.cpp's own. Nothing by default.</summary>
    public static ILogger Logger
    {
        get => _logger;
        set => _logger = value ?? throw new ArgumentNullException(nameof(value));
    }

    /// <summary>
    /// The least severe level that is passed on. Warning by default; Information and below give llama.cpp's full account of a
    /// model load, hundreds of lines.
    /// </summary>
    public static LogLevel MinimumLevel { get; set; } = LogLevel.Warning;

    /// <summary>Collects this thread's warnings and errors until disposed, to say why a call failed.</summary>
    internal static LlamaLogCapture Capture() => _capture = new LlamaLogCapture(_capture);

    internal static void EndCapture(LlamaLogCapture? outer) => _capture = outer;

    /// <summary>Passes on this thread's unfinished line: some of llama.cpp's messages lack the line feed at their end.</summary>
    internal static void FlushPending()
    {
        if (_pending is not null)
            Flush(_pending);
    }

    /// <summary>Takes llama.cpp's and ggml's log. Process-wide; called once, before any other call.</summary>
    internal static unsafe void Install()
    {
        // llama_log_set hands the callback on to ggml; both are set so that neither depends on that.
        GgmlNative.ggml_log_set(&OnLine, null);
        LlamaNative.llama_log_set(&OnLine, null);
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static unsafe void OnLine(int level, byte* text, void* userData)
    {
        try
        {
            Append((GgmlLogLevel)level, Marshal.PtrToStringUTF8((nint)text) ?? "");
        }
        catch (Exception)
        {
            // An exception must not unwind into native code, and a logger that throws must not stop inference.
        }
    }

    /// <summary>Puts the pieces of a line together and passes it on at its end.</summary>
    internal static void Append(GgmlLogLevel level, string text)
    {
        PendingLine pending = _pending ??= new PendingLine();
        if (level != GgmlLogLevel.Continue)
        {
            Flush(pending); // a new message ends whatever the last one left open
            pending.Level = level;
        }

        pending.Text.Append(text);
        if (text.EndsWith('\n'))
            Flush(pending);
    }

    private static void Flush(PendingLine pending)
    {
        string line = pending.Text.ToString().Trim('\n', '\r');
        pending.Text.Clear();
        if (line.Length == 0)
            return;
        LogLevel level = pending.Level switch
        {
            GgmlLogLevel.Error => LogLevel.Error,
            GgmlLogLevel.Warning => LogLevel.Warning,
            GgmlLogLevel.Debug => LogLevel.Debug,
            _ => LogLevel.Information,
        };
        if (level >= LogLevel.Warning)
            _capture?.Add(line);
        if (level >= MinimumLevel)
            _logger.Log(level, "{Line}", line);
    }

    private sealed class PendingLine
    {
        public StringBuilder Text { get; } = new();

        public GgmlLogLevel Level { get; set; } = GgmlLogLevel.Information;
    }
}

/// <summary>ggml_log_level.</summary>
internal enum GgmlLogLevel
{
    None = 0,
    Debug = 1,
    Information = 2,
    Warning = 3,
    Error = 4,
    Continue = 5,
}
