using T2.TestKit;

namespace T2.Cli.Tests;

/// <summary>Files that are wrong: always a named error and code 3, never a crash (a native abort would be code 134).</summary>
public sealed class BadFileTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Inspect_names_every_malformed_file_and_its_problem()
    {
        var samples = MalformedGguf.All().ToArray();
        string[] files = [.. samples.Select((sample, index) => Write($"{index}.gguf", sample.Bytes))];

        var result = await T2Process.RunAsync(["inspect", .. files]);

        Assert.Equal(3, result.ExitCode);
        Assert.Equal("", result.StandardOutput);
        string[] lines = result.StandardError.TrimEnd('\n').Split('\n');
        Assert.Equal(samples.Length, lines.Length);
        for (int index = 0; index < samples.Length; index++)
        {
            Assert.StartsWith($"t2: error: {files[index]}", lines[index], StringComparison.Ordinal);
            Assert.Contains(samples[index].ExpectedFragment, lines[index], StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("cut in last byte of data")]
    [InlineData("tensor count -1")]
    [InlineData("empty file")]
    public async Task Run_refuses_a_malformed_model(string name)
    {
        var (_, bytes, fragment) = MalformedGguf.All().Single(sample => sample.Name == name);
        string file = Write("model.gguf", bytes);
        T2Process.AssertFailure(await T2Process.RunAsync("run", "-m", file, "hello"), 3, file, fragment);
    }

    [Fact]
    public async Task Run_refuses_a_sound_file_that_holds_no_model()
    {
        string file = Write("model.gguf", MalformedGguf.Valid());
        T2Process.AssertFailure(await T2Process.RunAsync("run", "-m", file, "hello"), 3, file);
    }

    [Fact]
    public async Task A_model_is_no_expert()
    {
        string file = Write("model.gguf", MalformedGguf.Valid());
        T2Process.AssertFailure(await T2Process.RunAsync("expert", "show", file), 3, file, "not an expert");
    }

    [Theory]
    [InlineData("inspect", "")]
    [InlineData("run -m", " hello")]
    [InlineData("factor -m", "")]
    [InlineData("expert show", "")]
    [InlineData("inspect --tensors --json", "")]
    public async Task A_file_that_is_absent_is_named(string before, string after)
    {
        string file = _folder.File("absent.gguf");
        string[] arguments = [.. before.Split(' '), file, .. after.Split(' ', StringSplitOptions.RemoveEmptyEntries)];
        T2Process.AssertFailure(await T2Process.RunAsync(arguments), 3, file, "no such file");
    }

    [Fact]
    public async Task A_folder_is_not_a_file() =>
        T2Process.AssertFailure(await T2Process.RunAsync("inspect", _folder.Path), 3, _folder.Path, "directory");

    [SkippableFact]
    public async Task A_pipe_is_refused_instead_of_waited_for()
    {
        Skip.If(OperatingSystem.IsWindows(), "Windows has no named pipes in the file system.");
        string pipe = _folder.File("pipe.gguf");
        Assert.Equal(0, (await TestProcess.RunAsync("mkfifo", [pipe])).ExitCode);
        T2Process.AssertFailure(await T2Process.RunAsync("inspect", pipe), 3, pipe);
        T2Process.AssertFailure(await T2Process.RunAsync("run", "-m", pipe, "hello"), 3, pipe);
    }

    [SkippableFact]
    public async Task A_file_without_permission_is_refused()
    {
        Skip.If(OperatingSystem.IsWindows() || Environment.IsPrivilegedProcess, "Needs Unix permissions and a user they bind.");
        string file = Write("secret.gguf", MalformedGguf.Valid());
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(file, UnixFileMode.None);
        T2Process.AssertFailure(await T2Process.RunAsync("inspect", file), 3, file, "denied");
    }

    [Fact]
    public async Task A_missing_library_is_named_with_every_attempt()
    {
        string library = _folder.File("nowhere");
        string model = _folder.File("tiny.gguf");
        SyntheticModel.Write(model, SyntheticModelSpec.Tiny256);
        T2Process.AssertFailure(await T2Process.RunAsync("run", "-m", model, "--library", library, "hello"), 5, library);
    }

    [Fact]
    public async Task Json_that_is_not_an_experts_is_refused()
    {
        string model = _folder.File("tiny.gguf");
        SyntheticModel.Write(model, SyntheticModelSpec.Tiny256);
        foreach (var (text, code, fragment) in new[]
        {
            ("{", 3, "not JSON"),
            ("[1]", 3, "object"),
            ("{}", 3, "names no weights"),
            ("{\"blk.0.ffn_up.weight\": \"high\"}", 3, "blk.0.ffn_up.weight"),
            ("{\"blk.0.ffn_up.weight\": 1e300}", 3, "not a finite number"),
            ("{\"blk.0.ffn_up.weight\": [1, 2]}", 4, "has rank 256"),
            ("{\"blk.99.ffn_up.weight\": 1}", 4, "matches no adaptable weight"),
            ("{\"token_embd.weight\": 1}", 4, "matches no adaptable weight"),
        })
        {
            string file = Write("z.json", System.Text.Encoding.UTF8.GetBytes(text));
            var result = await T2Process.RunAsync("expert", "create", "-m", model, "-o", _folder.File("out.gguf"), "--name", "n", "--json", file);
            T2Process.AssertFailure(result, code, file, fragment);
            Assert.False(File.Exists(_folder.File("out.gguf")));
        }
    }

    private string Write(string name, byte[] bytes)
    {
        string path = _folder.File(name);
        File.WriteAllBytes(path, bytes);
        return path;
    }
}
