using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;

namespace T2.Llama;

/// <summary>
/// The llama.cpp library of this process. There is one: it is found, checked and initialised on first use and stays loaded.
/// </summary>
public sealed class LlamaLibrary
{
    /// <summary>Environment variable that names the library's file or folder.</summary>
    public const string EnvironmentVariable = "T2_LLAMA_LIBRARY";

    private static readonly Lock Gate = new();
    private static LlamaLibrary? _current;
    private static LlamaLibrary? _initialising;
    private static LlamaException? _failure;

    private readonly string? _explicitPath;

    private LlamaLibrary(LlamaLibraryFiles files, string? explicitPath)
    {
        _explicitPath = explicitPath;
        Folder = files.Folder;
        LlamaPath = files.Llama;
        try
        {
            // Dependencies first: on Linux the loader then finds them by their soname even where $ORIGIN is not searched.
            GgmlBaseHandle = NativeLibrary.Load(files.GgmlBase);
            GgmlHandle = NativeLibrary.Load(files.Ggml);
            LlamaHandle = NativeLibrary.Load(files.Llama);
        }
        catch
        {
            Unload(); // or the next candidate would find this one's half
            throw;
        }

        Version = LlamaAbi.Version(LlamaHandle);
    }

    /// <summary>The folder that the libraries and ggml's back ends were loaded from.</summary>
    public string Folder { get; }

    /// <summary>Full path of the llama library itself.</summary>
    public string LlamaPath { get; }

    /// <summary>What llama_version() says, e.g. "0.5.0-dev".</summary>
    public string Version { get; }

    /// <summary>Handle of libllama, for <see cref="NativeLibrary.GetExport"/>.</summary>
    public nint LlamaHandle { get; }

    /// <summary>Handle of libggml (the registry of back ends), for <see cref="NativeLibrary.GetExport"/>.</summary>
    public nint GgmlHandle { get; }

    /// <summary>Handle of libggml-base (tensors, buffers, quantisation), for <see cref="NativeLibrary.GetExport"/>.</summary>
    public nint GgmlBaseHandle { get; }

    /// <summary>The library, if it has been loaded.</summary>
    public static LlamaLibrary? Current => Volatile.Read(ref _current);

    /// <summary>llama.cpp's own line about the processor features it was built for and found.</summary>
    public string SystemInfo { get; private set; } = "";

    /// <summary>The devices that the loaded back ends offer, e.g. "CPU (AMD EPYC ...)".</summary>
    public IReadOnlyList<string> Devices { get; private set; } = [];

    /// <summary>Whether a back end offers a GPU. False on a machine without one, and where the library was built without such a back end or it could not be loaded.</summary>
    public bool HasGpu { get; private set; }

    /// <summary>
    /// Loads llama.cpp for a model with layers on a GPU: as <see cref="Load"/> does, but the build with CUDA that <c>-p:T2Cuda=true</c> puts beside the program
    /// comes first.
    /// </summary>
    /// <param name="explicitPath">The library's file, or the folder that holds it.</param>
    /// <param name="logger">If given, becomes <see cref="LlamaLog.Logger"/>.</param>
    /// <exception cref="LlamaException">The library offers no GPU: running on the CPU instead would only be slower, silently. Or as <see cref="Load"/>.</exception>
    public static LlamaLibrary LoadForGpu(string? explicitPath = null, ILogger? logger = null)
    {
        bool isNamed = !string.IsNullOrEmpty(explicitPath) || Environment.GetEnvironmentVariable(EnvironmentVariable) is { Length: > 0 };
        string? cuda = isNamed || Current is not null ? null : LlamaLibraryLocator.CudaFolder(AppContext.BaseDirectory);
        var library = Load(cuda ?? explicitPath, logger);
        return library.HasGpu ? library : throw new LlamaException(WithoutGpu(library.Folder, library.Devices));
    }

    /// <summary>Why there is no GPU to use, as far as the folder tells.</summary>
    internal static string WithoutGpu(string folder, IReadOnlyList<string> devices)
    {
        string? cuda = Directory.Exists(folder) ? Directory.EnumerateFiles(folder, "*ggml-cuda*").FirstOrDefault() : null;
        return $"Layers were asked for on a GPU, but llama.cpp in {folder} offers only {string.Join(", ", devices)}: "
            + (cuda is null
                ? $"it is a build without a GPU back end. Build T2 with -p:T2Cuda=true, or name such a library in {EnvironmentVariable}."
                : WhyNotLoaded(cuda) is { } reason
                    ? $"its CUDA back end cannot be loaded ({reason}). It takes NVIDIA's driver (libcuda.so.1) and the CUDA runtime it was built for (libcudart, libcublas)."
                    : "its CUDA back end finds no device.");
    }

    /// <summary>What the system's loader says against a library, which names the first of its dependencies that is missing; null if it loads.</summary>
    private static string? WhyNotLoaded(string path)
    {
        try
        {
            NativeLibrary.Free(NativeLibrary.Load(path));
            return null;
        }
        catch (Exception exception) when (exception is DllNotFoundException or BadImageFormatException)
        {
            return exception.Message.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)[^1];
        }
    }

    /// <summary>
    /// Loads llama.cpp, or returns the library that is loaded already. Thread-safe. Looks at <paramref name="explicitPath"/> if
    /// given, else at the environment variable T2_LLAMA_LIBRARY if set, else at runtimes/&lt;platform&gt;/native beside the
    /// program, else at the package that a build of T2 restored in a folder above the program. Before anything else the layout
    /// of the library's parameter structs is compared with the one T2 was written for.
    /// </summary>
    /// <param name="explicitPath">The library's file, or the folder that holds it.</param>
    /// <param name="logger">If given, becomes <see cref="LlamaLog.Logger"/>.</param>
    /// <exception cref="LlamaLibraryNotFoundException">No library could be loaded; lists every place tried and why.</exception>
    /// <exception cref="LlamaAbiException">A library was found but is of a version that T2 does not know.</exception>
    /// <exception cref="LlamaException">Another library than the one asked for is loaded already.</exception>
    public static LlamaLibrary Load(string? explicitPath = null, ILogger? logger = null)
    {
        if (logger is not null)
            LlamaLog.Logger = logger;
        lock (Gate)
        {
            if (_current is not null)
            {
                _current.RequireSame(explicitPath);
                return _current;
            }

            // The runtime binds each native function once, so a second library cannot take over after a failed start.
            if (_failure is not null)
                throw new LlamaException($"llama.cpp could not be started before: {_failure.Message}", _failure);
            return LoadFirst(explicitPath);
        }
    }

    private void RequireSame(string? explicitPath)
    {
        if (string.IsNullOrEmpty(explicitPath) || explicitPath == _explicitPath)
            return;
        string full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(explicitPath));
        if (full != LlamaPath && full != Folder)
        {
            throw new LlamaException(
                $"llama.cpp is loaded already, from {LlamaPath}; a process cannot load a second one from {explicitPath}.");
        }
    }

    private static LlamaLibrary LoadFirst(string? explicitPath)
    {
        var attempts = new List<LlamaLoadAttempt>();
        Exception? failure = null;
        string? environmentPath = Environment.GetEnvironmentVariable(EnvironmentVariable);
        foreach (LlamaLibraryFiles files in LlamaLibraryLocator.Candidates(explicitPath, environmentPath, AppContext.BaseDirectory, attempts))
        {
            LlamaLibrary library;
            try
            {
                library = new LlamaLibrary(files, explicitPath);
            }
            catch (Exception e) when (e is DllNotFoundException or BadImageFormatException)
            {
                attempts.Add(new LlamaLoadAttempt(files.Llama, e.Message.ReplaceLineEndings(" ")));
                failure = e;
                continue;
            }

            library.VerifyOrUnload();
            try
            {
                library.Initialise();
            }
            catch (LlamaException e)
            {
                _failure = e;
                throw;
            }

            Volatile.Write(ref _current, library);
            return library;
        }

        throw new LlamaLibraryNotFoundException(attempts, failure);
    }

    private void VerifyOrUnload()
    {
        try
        {
            LlamaAbi.Verify(LlamaHandle, LlamaPath);
        }
        catch (LlamaAbiException)
        {
            Unload();
            throw;
        }
    }

    private void Unload()
    {
        foreach (nint handle in new[] { LlamaHandle, GgmlHandle, GgmlBaseHandle })
        {
            if (handle != 0)
                NativeLibrary.Free(handle);
        }
    }

    private void Initialise()
    {
        _initialising = this;
        NativeLibrary.SetDllImportResolver(
            typeof(LlamaLibrary).Assembly, (name, _, _) => (_current ?? _initialising)!.Resolve(name));
        LlamaLog.Install();
        using LlamaLogCapture log = LlamaLog.Capture();
        GgmlNative.ggml_backend_load_all_from_path(Folder);
        if (GgmlNative.ggml_backend_dev_by_type(0) == 0)
            throw new LlamaException($"{Folder} holds no CPU back end of ggml (libggml-cpu-*) that runs on this processor.{log.Explanation}");
        HasGpu = GgmlNative.ggml_backend_dev_by_type(GgmlNative.DeviceTypeGpu) != 0 || GgmlNative.ggml_backend_dev_by_type(GgmlNative.DeviceTypeIntegratedGpu) != 0;
        LlamaNative.llama_backend_init();
        if (!Version.StartsWith(LlamaAbi.KnownVersionPrefix, StringComparison.Ordinal))
        {
            LlamaLog.Logger.LogWarning(
                "{Path} is llama.cpp {Version}. Its parameter structs are those of {Known}, but T2 was tested with that version only",
                LlamaPath, Version, LlamaAbi.KnownVersion);
        }

        unsafe
        {
            SystemInfo = Marshal.PtrToStringUTF8((nint)LlamaNative.llama_print_system_info()) ?? "";
            Devices = [.. Enumerable.Range(0, (int)GgmlNative.ggml_backend_dev_count()).Select(DescribeDevice)];
        }
    }

    private static unsafe string DescribeDevice(int index)
    {
        nint device = GgmlNative.ggml_backend_dev_get((nuint)index);
        return $"{Marshal.PtrToStringUTF8((nint)GgmlNative.ggml_backend_dev_name(device))} "
            + $"({Marshal.PtrToStringUTF8((nint)GgmlNative.ggml_backend_dev_description(device))})";
    }

    private nint Resolve(string name) => name switch
    {
        LlamaNative.Library => LlamaHandle,
        GgmlNative.Registry => GgmlHandle,
        GgmlNative.Base => GgmlBaseHandle,
        _ => 0,
    };
}
