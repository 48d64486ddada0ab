using T2.TestKit;

namespace T2.Llama.Tests;

/// <summary>Layers on a GPU are never computed on the CPU behind somebody's back.</summary>
public sealed class GpuLibraryTests
{
    [SkippableFact]
    public void Without_a_GPU_asking_for_one_fails_and_says_why()
    {
        var library = LlamaLibrary.Load();
        Skip.If(library.HasGpu, "This machine has a GPU.");
        var failure = Assert.Throws<LlamaException>(static () => LlamaLibrary.LoadForGpu());
        Assert.Contains(library.Folder, failure.Message, StringComparison.Ordinal);
        Assert.Contains("-p:T2Cuda=true", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_build_with_CUDA_that_cannot_be_loaded_or_finds_no_device_is_told_from_one_without()
    {
        using var folder = new TempFolder();
        Assert.Contains("without a GPU back end", LlamaLibrary.WithoutGpu(folder.Path, ["CPU (some)"]), StringComparison.Ordinal);
        File.WriteAllText(folder.File("libggml-cuda.so"), "");
        string message = LlamaLibrary.WithoutGpu(folder.Path, ["CPU (some)"]);
        // What the loader itself says of an empty file.
        Assert.Contains($"cannot be loaded ({folder.File("libggml-cuda.so")}: file too short)", message, StringComparison.Ordinal);
        Assert.Contains("CPU (some)", message, StringComparison.Ordinal);
        File.Copy(Path.Combine(LlamaLibrary.Load().Folder, "libggml-base.so"), folder.File("libggml-cuda.so"), overwrite: true);
        Assert.Contains("finds no device", LlamaLibrary.WithoutGpu(folder.Path, ["CPU (some)"]), StringComparison.Ordinal);
    }

    [Fact]
    public void The_build_with_CUDA_is_found_beside_the_program_only_if_it_is_there()
    {
        using var folder = new TempFolder();
        Assert.Null(LlamaLibraryLocator.CudaFolder(folder.Path));
        string cuda = Path.Combine(folder.Path, "runtimes", LlamaLibraryLocator.Platform + "-cuda", "native");
        Directory.CreateDirectory(cuda);
        Assert.Null(LlamaLibraryLocator.CudaFolder(folder.Path));
        File.WriteAllText(Path.Combine(cuda, "libllama.so"), "");
        Assert.Equal(cuda, LlamaLibraryLocator.CudaFolder(folder.Path));
    }

    /// <summary>Two builds of different versions would compute different things.</summary>
    [Fact]
    public void Both_packages_are_pinned_to_one_version()
    {
        string Version(string folder, string package)
        {
            using var json = System.Text.Json.JsonDocument.Parse(File.ReadAllText(Path.Combine(RepositoryRoot.Path, "native", folder, "package.json")));
            return json.RootElement.GetProperty("dependencies").GetProperty(package).GetString()!;
        }
        Assert.Equal(Version("llama", "@node-llama-cpp/linux-x64"), Version("llama-cuda", "@node-llama-cpp/linux-x64-cuda"));
        Assert.DoesNotContain("resolved", File.ReadAllText(Path.Combine(RepositoryRoot.Path, "native", "llama-cuda", "package-lock.json")), StringComparison.Ordinal);
    }
}
