using T2.TestKit;

namespace T2.Cli.Tests;

/// <summary>A small model and experts for it, made once by <c>t2</c> itself.</summary>
public sealed class CliFixture : IAsyncLifetime, IDisposable
{
    private readonly TempFolder _folder = new();

    /// <summary>Two blocks of 256 with random weights, ChatML template.</summary>
    public string Model => File("tiny.gguf");

    /// <summary>The same architecture with other weights.</summary>
    public string OtherModel => File("other.gguf");

    /// <summary>z = 1 everywhere.</summary>
    public string Ones => File("ones.gguf");

    public string Wild => File("wild.gguf");

    public string Tail => File("tail.gguf");

    public string File(string name) => _folder.File(name);

    /// <summary>Arguments that run a model reproducibly on one thread.</summary>
    public static string[] Run(string model, params string[] more) =>
        ["run", "-m", model, "-t", "1", "-c", "512", "-n", "24", "--temp", "0", .. more];

    /// <summary>What plain llama.cpp sampling gives for a prompt.</summary>
    public static async Task<string> AnswerAsync(string model, params string[] more) => (await T2Process.SucceedAsync(Run(model, more))).StandardOutput;

    public async Task InitializeAsync()
    {
        SyntheticModel.Write(Model, SyntheticModelSpec.Tiny256);
        SyntheticModel.Write(OtherModel, SyntheticModelSpec.Tiny256 with { Seed = 2 });
        await T2Process.SucceedAsync("factor", "-m", Model, "-t", "2", "--quiet");
        await CreateAsync(Ones, "ones", "1", "nothing at all");
        await CreateAsync(Wild, "wild", "1 + 0.5*randn(1)", "questions about wild animals");
        await CreateAsync(Tail, "tail", "1 - 0.9*i/r", "questions about tails");
    }

    public Task DisposeAsync() => Task.CompletedTask;

    public void Dispose() => _folder.Dispose();

    private Task CreateAsync(string path, string name, string formula, string description) =>
        T2Process.SucceedAsync("expert", "create", "-m", Model, "-o", path, "--name", name, "--formula", formula, "--describe", description);
}

/// <summary>One set of files for all classes that need a model.</summary>
[CollectionDefinition(Name)]
public sealed class CliCollection : ICollectionFixture<CliFixture>
{
    public const string Name = "t2";
}
