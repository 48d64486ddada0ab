using System.Collections.Concurrent;
using T2.TestKit;

namespace T2.Cli.Tests;

/// <summary>
/// A small model and experts for it, made by <c>t2</c> itself, once for all test classes: these run side by side, so whatever they write has a name of its own.
/// </summary>
public sealed class CliFixture : IAsyncLifetime
{
    private readonly SharedFiles _shared = SharedFiles.Instance;

    /// <summary>Two blocks of 256 with random weights, ChatML template; factored.</summary>
    public string Model => File("tiny.gguf");

    /// <summary>The same architecture with other weights.</summary>
    public string OtherModel => File("other.gguf");

    /// <summary>z = 1 everywhere.</summary>
    public string Ones => File("ones.gguf");

    public string Wild => File("wild.gguf");

    public string Tail => File("tail.gguf");

    /// <summary>Arguments that run a model reproducibly on one thread.</summary>
    public static string[] Run(string model, params string[] more) =>
        ["run", "-m", model, "-t", "1", "-c", "512", "-n", "24", "--temp", "0", .. more];

    /// <summary>What <see cref="Run"/> puts on stdout. Asked once per command line, for many tests compare with the same answer.</summary>
    public Task<string> AnswerAsync(string model, params string[] more) => _shared.Answers.GetOrAdd(
        string.Join('\n', more.Prepend(model)),
        _ => new(async () => (await T2Process.SucceedAsync(Run(model, more))).StandardOutput)).Value;

    public string File(string name) => _shared.Folder.File(name);

    public Task InitializeAsync() => _shared.MadeAsync(this);

    public Task DisposeAsync() => Task.CompletedTask;

    private async Task MakeAsync()
    {
        SyntheticModel.Write(Model, SyntheticModelSpec.Tiny256);
        SyntheticModel.Write(OtherModel, SyntheticModelSpec.Tiny256 with { Seed = 2 });
        await T2Process.SucceedAsync("factor", "-m", Model, "-t", "2", "--quiet");
        await Task.WhenAll(
            CreateAsync(Ones, "ones", "1", "nothing at all"),
            CreateAsync(Wild, "wild", "1 + 0.5*randn(1)", "questions about wild animals"),
            CreateAsync(Tail, "tail", "1 - 0.9*i/r", "questions about tails"));
    }

    private Task CreateAsync(string path, string name, string formula, string description) =>
        T2Process.SucceedAsync("expert", "create", "-m", Model, "-o", path, "--name", name, "--formula", formula, "--describe", description);

    /// <summary>What the classes share, until the test run ends.</summary>
    private sealed class SharedFiles
    {
        private readonly Lock _lock = new();
        private Task? _made;

        private SharedFiles() => AppDomain.CurrentDomain.ProcessExit += (_, _) => Folder.Dispose();

        internal static SharedFiles Instance { get; } = new();

        internal TempFolder Folder { get; } = new();

        internal ConcurrentDictionary<string, Lazy<Task<string>>> Answers { get; } = new(StringComparer.Ordinal);

        internal Task MadeAsync(CliFixture files)
        {
            lock (_lock)
                return _made ??= files.MakeAsync();
        }
    }
}
