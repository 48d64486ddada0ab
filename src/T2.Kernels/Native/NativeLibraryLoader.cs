using System.Runtime.InteropServices;

namespace T2.Kernels.Native;

/// <summary>
/// Finds <c>t2kernels</c> once per process: the file <see cref="EnvironmentVariable"/> names and no other, else the one the build put under
/// <c>runtimes/&lt;rid&gt;/native</c> beside the application, else one beside the application itself. What failed is kept, for whoever asks.
/// </summary>
internal static class NativeLibraryLoader
{
    /// <summary>Names the library's file, and with it the only place looked at.</summary>
    public const string EnvironmentVariable = "T2_KERNELS_LIBRARY";

    private static readonly Lazy<Outcome> s_outcome = new(Load);

    /// <summary>Whether <see cref="EnvironmentVariable"/> names a file: what is asked for is not passed over in silence.</summary>
    public static bool IsNamed => Environment.GetEnvironmentVariable(EnvironmentVariable) is { Length: > 0 };

    /// <summary>Why the library is not available: every attempt and what came of it. Null where it is.</summary>
    public static string? Failure => s_outcome.Value.Failure;

    private static Outcome Load()
    {
        // Bound to this assembly's imports only; every other name is left to .NET.
        NativeLibrary.SetDllImportResolver(
            typeof(NativeMethods).Assembly,
            static (name, _, _) => name == NativeMethods.Library ? s_outcome.Value.Handle : 0);

        var (handle, failure) = Open(Candidates());
        if (handle == 0)
            return new(0, failure);
        var version = AbiVersionOf(handle);
        return version == NativeMethods.AbiVersion
            ? new(handle, null)
            : new(0, $"The native kernels have ABI {version}, this build of T2 needs {NativeMethods.AbiVersion}; rebuild them.");
    }

    /// <summary>Opens the first file that opens.</summary>
    internal static (nint Handle, string? Failure) Open(IEnumerable<string> candidates)
    {
        var attempts = new List<string>();
        foreach (var path in candidates)
        {
            if (!File.Exists(path))
            {
                attempts.Add($"{path}: no such file");
                continue;
            }
            try
            {
                return (NativeLibrary.Load(path), null);
            }
            catch (Exception error) when (error is DllNotFoundException or BadImageFormatException)
            {
                attempts.Add($"{path}: {error.Message}");
            }
        }
        return (0, $"The native kernels were not found. Tried {string.Join("; ", attempts)}. Build T2 with CMake and a C++20 compiler installed, or name the library in {EnvironmentVariable}.");
    }

    /// <summary>The version is asked through the export itself: the imports cannot be used while the resolver still waits for this very answer.</summary>
    private static unsafe int AbiVersionOf(nint handle) =>
        NativeLibrary.TryGetExport(handle, "t2k_abi_version", out var export) ? ((delegate* unmanaged<int>)export)() : 0;

    private static IEnumerable<string> Candidates()
    {
        if (Environment.GetEnvironmentVariable(EnvironmentVariable) is { Length: > 0 } named)
            return [named];
        var file = OperatingSystem.IsWindows() ? "t2kernels.dll" : OperatingSystem.IsMacOS() ? "libt2kernels.dylib" : "libt2kernels.so";
        var system = OperatingSystem.IsWindows() ? "win" : OperatingSystem.IsMacOS() ? "osx" : "linux";
        var rid = $"{system}-{RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant()}";
        return [Path.Combine(AppContext.BaseDirectory, "runtimes", rid, "native", file), Path.Combine(AppContext.BaseDirectory, file)];
    }

    private readonly record struct Outcome(nint Handle, string? Failure);
}
