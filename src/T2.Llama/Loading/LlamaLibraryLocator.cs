using System.Runtime.InteropServices;

namespace T2.Llama;

/// <summary>The three files that make up a llama.cpp build, in the order the dynamic linker wants them.</summary>
internal sealed record LlamaLibraryFiles(string GgmlBase, string Ggml, string Llama)
{
    public string Folder => Path.GetDirectoryName(Llama)!;
}

/// <summary>Finds a llama.cpp build on disk. Touches the file system only; loads nothing.</summary>
internal static class LlamaLibraryLocator
{
    /// <summary>
    /// The builds to try, best first. A path somebody named is the only candidate: falling back to another library behind
    /// their back would hide a typing error. Places without a build are added to <paramref name="attempts"/>.
    /// </summary>
    public static IEnumerable<LlamaLibraryFiles> Candidates(
        string? explicitPath, string? environmentPath, string baseDirectory, List<LlamaLoadAttempt> attempts)
    {
        foreach (string place in Places(explicitPath, environmentPath, baseDirectory, attempts))
        {
            if (TryResolve(place, out LlamaLibraryFiles? files, out string reason))
                yield return files!;
            else
                attempts.Add(new LlamaLoadAttempt(place, reason));
        }
    }

    /// <summary>The portable runtime identifier, e.g. linux-x64.</summary>
    public static string Platform { get; } =
        (OperatingSystem.IsWindows() ? "win" : OperatingSystem.IsMacOS() ? "osx" : "linux")
        + "-" + RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant();

    /// <summary>The build with CUDA beside the program, or null. A build without CUDA that follows one with it leaves the folder, but empty.</summary>
    public static string? CudaFolder(string baseDirectory)
    {
        string folder = Path.Combine(baseDirectory, "runtimes", Platform + "-cuda", "native");
        return Directory.Exists(folder) && Directory.EnumerateFiles(folder).Any() ? folder : null;
    }

    private static IEnumerable<string> Places(
        string? explicitPath, string? environmentPath, string baseDirectory, List<LlamaLoadAttempt> attempts)
    {
        if ((explicitPath is { Length: > 0 } ? explicitPath : environmentPath) is { Length: > 0 } named)
        {
            yield return named;
            yield break;
        }

        yield return Path.Combine(baseDirectory, "runtimes", Platform, "native");
        foreach (string package in RestoredPackages(baseDirectory, attempts))
            yield return package;
    }

    private static IEnumerable<string> RestoredPackages(string baseDirectory, List<LlamaLoadAttempt> attempts)
    {
        for (var folder = new DirectoryInfo(baseDirectory); folder is not null; folder = folder.Parent)
        {
            string packages = Path.Combine(folder.FullName, "native", "llama", "node_modules", "@node-llama-cpp");
            if (!Directory.Exists(packages))
                continue;
            // The packages call macOS "mac" and add the accelerator: mac-arm64-metal, linux-x64-cuda.
            string platform = Platform.Replace("osx", "mac", StringComparison.Ordinal);
            string[] found = [.. Directory.EnumerateDirectories(packages, platform + "*").Order(StringComparer.Ordinal)
                .Select(package => Path.Combine(package, "bins"))
                .Where(Directory.Exists)
                .SelectMany(bins => Directory.EnumerateDirectories(bins).Order(StringComparer.Ordinal))];
            if (found.Length == 0)
                attempts.Add(new LlamaLoadAttempt(packages, $"holds no package for {Platform}"));
            return found;
        }

        attempts.Add(new LlamaLoadAttempt(baseDirectory, "neither this folder nor one above it has native/llama/node_modules/@node-llama-cpp"));
        return [];
    }

    private static bool TryResolve(string place, out LlamaLibraryFiles? files, out string reason)
    {
        files = null;
        string folder = place;
        string? llama = null;
        if (File.Exists(place))
        {
            llama = Path.GetFullPath(place);
            folder = Path.GetDirectoryName(llama)!;
        }
        else if (!Directory.Exists(place))
        {
            reason = "no such file or folder";
            return false;
        }

        llama ??= Find(folder, "llama");
        string? ggml = Find(folder, "ggml");
        string? ggmlBase = Find(folder, "ggml-base");
        string missing = string.Join(", ", new[] { (llama, "llama"), (ggml, "ggml"), (ggmlBase, "ggml-base") }
            .Where(pair => pair.Item1 is null).Select(pair => FileName(pair.Item2)));
        reason = missing.Length == 0 ? "" : $"{folder} lacks {missing}";
        if (missing.Length == 0)
            files = new LlamaLibraryFiles(ggmlBase!, ggml!, llama!);
        return files is not null;
    }

    /// <summary>Builds differ in the version they put into the name: libllama.so, libllama.v0.5.0.so, libllama.so.0.5.0.</summary>
    private static string? Find(string folder, string library)
    {
        string exact = FileName(library);
        string stem = Path.GetFileNameWithoutExtension(exact);
        string extension = Path.GetExtension(exact);
        return Directory.EnumerateFiles(Path.GetFullPath(folder), stem + "*")
            .Where(path => Path.GetFileName(path) is var name
                && (name == exact
                    || (name.StartsWith(stem + ".", StringComparison.Ordinal)
                        && (name.EndsWith(extension, StringComparison.Ordinal) || name.Contains(extension + ".", StringComparison.Ordinal)))))
            .OrderBy(path => Path.GetFileName(path).Length).ThenBy(path => path, StringComparer.Ordinal)
            .FirstOrDefault();
    }

    private static string FileName(string library) =>
        OperatingSystem.IsWindows() ? $"{library}.dll" : OperatingSystem.IsMacOS() ? $"lib{library}.dylib" : $"lib{library}.so";
}
