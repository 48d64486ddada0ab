using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;

namespace T2.Llama.Tests;

/// <summary>The log is one for the process, so these tests run while no others do.</summary>
[CollectionDefinition(nameof(LlamaLogTests), DisableParallelization = true)]
public sealed class ProcessWideLog;

[Collection(nameof(LlamaLogTests))]
public sealed partial class LlamaLogTests : IDisposable
{
    private readonly ILogger _before = LlamaLog.Logger;
    private readonly LogLevel _levelBefore = LlamaLog.MinimumLevel;
    private readonly Recorder _log = new();

    public LlamaLogTests()
    {
        LlamaLibrary.Load();
        LlamaLog.Logger = _log;
    }

    public void Dispose()
    {
        LlamaLog.Logger = _before;
        LlamaLog.MinimumLevel = _levelBefore;
    }

    [SkippableFact]
    public void Loading_and_decoding_log_no_more_than_warnings()
    {
        using (LlamaModel model = Models.Load(Models.Stories))
        using (LlamaContext context = LlamaContext.Create(model, Models.SmallContext))
            Models.LastLogits(context, "Once");

        Assert.All(_log.Lines, line => Assert.True(line.Level >= LogLevel.Warning, line.Text));
    }

    [SkippableFact]
    public void Everything_is_logged_on_request()
    {
        LlamaLog.MinimumLevel = LogLevel.Trace;
        Models.Load(Models.Stories).Dispose();
        Assert.Contains(_log.Lines, line => line.Level == LogLevel.Information && line.Text.Contains("general.architecture", StringComparison.Ordinal));
        Assert.All(_log.Lines, line => Assert.DoesNotContain('\n', line.Text));
    }

    [Fact]
    public void An_error_reaches_the_logger_and_a_logger_that_throws_harms_nobody()
    {
        string path = typeof(LlamaLogTests).Assembly.Location;
        Assert.Throws<LlamaException>(() => LlamaModel.Load(path));
        Assert.Contains(_log.Lines, line => line.Level == LogLevel.Error);

        _log.Throws = true;
        LlamaException e = Assert.Throws<LlamaException>(() => LlamaModel.Load(path));
        Assert.Contains("llama.cpp says: ", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Continued_lines_are_put_together()
    {
        LlamaLog.Append(GgmlLogLevel.Warning, "one ");
        LlamaLog.Append(GgmlLogLevel.Continue, "two ");
        LlamaLog.Append(GgmlLogLevel.Continue, "three\n");
        LlamaLog.Append(GgmlLogLevel.Error, "not ended");
        LlamaLog.Append(GgmlLogLevel.Warning, "next\n");
        LlamaLog.Append(GgmlLogLevel.Information, "quiet\n");

        Assert.Equal(
            [(LogLevel.Warning, "one two three"), (LogLevel.Error, "not ended"), (LogLevel.Warning, "next")],
            _log.Lines);
    }

    [Fact]
    public void A_capture_keeps_the_last_lines_of_its_own_time()
    {
        LlamaLog.Append(GgmlLogLevel.Error, "before\n");
        using LlamaLogCapture outer = LlamaLog.Capture();
        using (LlamaLogCapture inner = LlamaLog.Capture())
        {
            for (int i = 0; i < 20; i++)
                LlamaLog.Append(GgmlLogLevel.Error, $"line {i}\n");
            LlamaLog.Append(GgmlLogLevel.Error, "unfinished");
            Assert.StartsWith(" llama.cpp says: line 13 |", inner.Explanation, StringComparison.Ordinal);
            Assert.EndsWith("| line 19 | unfinished", inner.Explanation, StringComparison.Ordinal);
        }

        LlamaLog.Append(GgmlLogLevel.Error, "after\n");
        Assert.EndsWith("| unfinished | after", outer.Explanation, StringComparison.Ordinal);
    }

    [SkippableFact]
    public void Nothing_is_written_to_stderr()
    {
        Skip.IfNot(OperatingSystem.IsLinux(), "Redirects the file descriptor with Linux's dup2.");
        string model = Models.Path(Models.Stories);
        string file = Path.GetTempFileName();
        int saved = dup(2);
        using (var target = new FileStream(file, FileMode.Create))
        {
            Assert.Equal(2, dup2((int)target.SafeFileHandle.DangerousGetHandle(), 2));
            try
            {
                using LlamaModel loaded = LlamaModel.Load(model);
                using LlamaContext context = LlamaContext.Create(loaded, Models.SmallContext);
                Models.LastLogits(context, "Once");
                Assert.Throws<LlamaException>(() => LlamaModel.Load(typeof(LlamaLogTests).Assembly.Location));
                Assert.Throws<LlamaException>(() => new LlamaSampler(loaded, new LlamaSamplingOptions { Grammar = "root ::= [" }));
            }
            finally
            {
                Assert.Equal(2, dup2(saved, 2));
                Assert.Equal(0, close(saved));
            }
        }

        Assert.Equal("", File.ReadAllText(file));
        File.Delete(file);
    }

    [LibraryImport("libc")]
    private static partial int dup(int descriptor);

    [LibraryImport("libc")]
    private static partial int dup2(int descriptor, int target);

    [LibraryImport("libc")]
    private static partial int close(int descriptor);

    private sealed class Recorder : ILogger
    {
        private readonly ConcurrentQueue<(LogLevel Level, string Text)> _lines = new();

        public IReadOnlyList<(LogLevel Level, string Text)> Lines => [.. _lines];

        public bool Throws { get; set; }

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            _lines.Enqueue((logLevel, formatter(state, exception)));
            if (Throws)
                throw new InvalidOperationException("A logger that fails.");
        }
    }
}
