using T2.TestKit;

namespace T2.Llama.Tests;

public sealed class LlamaLibraryTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("t2-llama-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void The_build_put_the_library_beside_the_program()
    {
        LlamaLibrary library = LlamaLibrary.Load();

        if (Environment.GetEnvironmentVariable(LlamaLibrary.EnvironmentVariable) is null)
            Assert.Equal(Path.Combine(AppContext.BaseDirectory, "runtimes", LlamaLibraryLocator.Platform, "native"), library.Folder);
        Assert.Contains(library.Devices, device => device.StartsWith("CPU", StringComparison.Ordinal));
        Assert.NotEmpty(library.SystemInfo);
        Assert.All([library.LlamaHandle, library.GgmlHandle, library.GgmlBaseHandle], handle => Assert.NotEqual(0, handle));
    }

    [Fact]
    public void Loading_again_gives_the_same_library()
    {
        LlamaLibrary library = LlamaLibrary.Load();
        Assert.Same(library, LlamaLibrary.Load());
        Assert.Same(library, LlamaLibrary.Load(library.Folder));
        Assert.Same(library, LlamaLibrary.Load(library.Folder + Path.DirectorySeparatorChar));
        Assert.Same(library, LlamaLibrary.Load(library.LlamaPath));
        Assert.Same(library, LlamaLibrary.Current);
    }

    [Fact]
    public void A_second_library_is_refused_naming_both()
    {
        LlamaLibrary library = LlamaLibrary.Load();

        LlamaException e = Assert.Throws<LlamaException>(() => LlamaLibrary.Load(_folder));

        Assert.Contains(library.LlamaPath, e.Message, StringComparison.Ordinal);
        Assert.Contains(_folder, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Searching_in_vain_reports_every_place_and_why()
    {
        var attempts = new List<LlamaLoadAttempt>();
        Assert.Empty(LlamaLibraryLocator.Candidates(null, null, _folder, attempts));

        var e = new LlamaLibraryNotFoundException(attempts);

        Assert.Equal(2, e.Attempts.Count);
        Assert.Equal(
            new LlamaLoadAttempt(Path.Combine(_folder, "runtimes", LlamaLibraryLocator.Platform, "native"), "no such file or folder"),
            e.Attempts[0]);
        foreach (LlamaLoadAttempt attempt in e.Attempts)
            Assert.Contains($"{attempt.Path}: {attempt.Reason}", e.Message, StringComparison.Ordinal);
        Assert.Contains(LlamaLibrary.EnvironmentVariable, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_named_place_is_the_only_one_searched()
    {
        string missing = Path.Combine(_folder, "nowhere");
        var attempts = new List<LlamaLoadAttempt>();

        Assert.Empty(LlamaLibraryLocator.Candidates(missing, null, AppContext.BaseDirectory, attempts));
        Assert.Empty(LlamaLibraryLocator.Candidates(null, missing, AppContext.BaseDirectory, attempts));

        Assert.Equal([new(missing, "no such file or folder"), new(missing, "no such file or folder")], attempts);
    }

    [SkippableFact]
    public void A_folder_that_lacks_a_library_is_told_which()
    {
        Skip.IfNot(OperatingSystem.IsLinux());
        File.WriteAllText(Path.Combine(_folder, "libllama.so"), "");
        var attempts = new List<LlamaLoadAttempt>();

        Assert.Empty(LlamaLibraryLocator.Candidates(_folder, null, AppContext.BaseDirectory, attempts));

        Assert.Equal($"{_folder} lacks libggml.so, libggml-base.so", Assert.Single(attempts).Reason);
    }

    [SkippableTheory]
    [InlineData("libllama.so", "libggml.so", "libggml-base.so")]
    [InlineData("libllama.v0.5.0.so", "libggml.v0.5.0.so", "libggml-base.so")]
    [InlineData("libllama.so.0.5.0", "libggml.so.0", "libggml-base.so.0.25.1")]
    public void File_names_may_carry_a_version(string llama, string ggml, string ggmlBase)
    {
        Skip.IfNot(OperatingSystem.IsLinux());
        foreach (string name in new[] { llama, ggml, ggmlBase, "libllama-common.so", "libggml-cpu-haswell.so", "libllama.txt" })
            File.WriteAllText(Path.Combine(_folder, name), "");

        LlamaLibraryFiles files = Assert.Single(LlamaLibraryLocator.Candidates(_folder, null, AppContext.BaseDirectory, []));

        Assert.Equal(
            new LlamaLibraryFiles(Path.Combine(_folder, ggmlBase), Path.Combine(_folder, ggml), Path.Combine(_folder, llama)), files);
        Assert.Equal(files, Assert.Single(LlamaLibraryLocator.Candidates(Path.Combine(_folder, llama), null, "/", [])));
    }

    [SkippableFact]
    public void The_restored_package_is_found_from_a_folder_below_the_repository()
    {
        string package = Path.Combine(RepositoryRoot.Path, "native", "llama", "node_modules", "@node-llama-cpp", "linux-x64");
        Skip.IfNot(Directory.Exists(package) && LlamaLibraryLocator.Platform == "linux-x64", "npm ci was not run for this platform.");

        LlamaLibraryFiles files = Assert.Single(
            LlamaLibraryLocator.Candidates(null, null, Path.Combine(RepositoryRoot.Path, "src", "T2.Llama"), []));

        Assert.Equal(Path.Combine(package, "bins", "linux-x64"), files.Folder);
    }
}
