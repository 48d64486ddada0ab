using T2.Kernels.Native;

namespace T2.Kernels;

/// <summary>The kernels this build has, best first, each with the reason for its rank.</summary>
public static class KernelRegistry
{
    /// <summary>Environment variable that forces a kernel by name where the caller did not.</summary>
    public const string EnvironmentVariable = "T2_KERNEL";

    private static readonly Lock s_adding = new();

    private static IReadOnlyList<KernelEntry> s_entries =
    [
        new("native", "C++ with AVX2, AVX-512, 16-bit dot products or NEON: the fastest on a CPU, where it was built", static () => NativeKernel.IsAvailable, static () => new NativeKernel()),
        new("reference", "C# in fp64: runs everywhere, and is what every other kernel is tested against", static () => true, static () => new ReferenceKernel()),
    ];

    /// <summary>Every kernel, best first.</summary>
    public static IReadOnlyList<KernelEntry> Entries => Volatile.Read(ref s_entries);

    /// <summary>Adds a kernel of an assembly this one does not know, in the last place: it is used only where it is asked for by name.</summary>
    /// <exception cref="ArgumentException">There is a kernel of that name already.</exception>
    public static void Add(KernelEntry entry)
    {
        ArgumentNullException.ThrowIfNull(entry);
        lock (s_adding)
        {
            if (s_entries.Any(other => string.Equals(other.Name, entry.Name, StringComparison.OrdinalIgnoreCase)))
                throw new ArgumentException($"There is a kernel '{entry.Name}' already.", nameof(entry));
            Volatile.Write(ref s_entries, [.. s_entries, entry]);
        }
    }

    /// <summary>The kernel to use: <paramref name="forced"/>, else the one <see cref="EnvironmentVariable"/> names, else the first that is available.</summary>
    /// <param name="forced">A kernel's name in any case; null or empty leaves the choice to the environment and the registry.</param>
    /// <exception cref="ArgumentException">No kernel has that name; the message lists the names.</exception>
    /// <exception cref="InvalidOperationException">The kernel asked for cannot run on this machine; or none is asked for, and the environment names a library of native kernels that cannot be used.</exception>
    public static IWeightKernel Resolve(string? forced = null) => Resolve(Entries, forced);

    /// <summary>The first that is available, whatever <see cref="EnvironmentVariable"/> says.</summary>
    /// <exception cref="InvalidOperationException">The environment names a library of native kernels that cannot be used.</exception>
    public static IWeightKernel Best() => First(Entries);

    /// <summary>Whether the caller or <see cref="EnvironmentVariable"/> asks for a kernel other than <paramref name="name"/>.</summary>
    /// <param name="name">A kernel's name.</param>
    /// <param name="forced">What the caller asks for; null or empty = nothing.</param>
    public static bool AsksForOther(string name, string? forced)
    {
        string? asked = string.IsNullOrWhiteSpace(forced) ? Environment.GetEnvironmentVariable(EnvironmentVariable) : forced;
        return !string.IsNullOrWhiteSpace(asked) && !string.Equals(asked.Trim(), name, StringComparison.OrdinalIgnoreCase);
    }

    internal static IWeightKernel Resolve(IReadOnlyList<KernelEntry> entries, string? forced)
    {
        var (name, origin) = string.IsNullOrWhiteSpace(forced)
            ? (Environment.GetEnvironmentVariable(EnvironmentVariable), $" (from {EnvironmentVariable})")
            : (forced, "");
        if (string.IsNullOrWhiteSpace(name))
            return First(entries);

        var entry = entries.FirstOrDefault(entry => string.Equals(entry.Name, name.Trim(), StringComparison.OrdinalIgnoreCase))
            ?? throw new ArgumentException($"There is no kernel '{name.Trim()}'{origin}; there is: {string.Join(", ", entries.Select(static entry => entry.Name))}.", nameof(forced));
        try
        {
            return entry.Create();
        }
        catch (Exception exception) when (!entry.IsAvailable())
        {
            string available = string.Join(", ", entries.Where(static entry => entry.IsAvailable()).Select(static entry => entry.Name));
            throw new InvalidOperationException($"Kernel '{entry.Name}'{origin} cannot run on this machine; available here: {available}. {exception.Message}", exception);
        }
    }

    private static IWeightKernel First(IReadOnlyList<KernelEntry> entries) => NativeLibraryLoader.IsNamed && NativeLibraryLoader.Failure is { } failure
        ? throw new InvalidOperationException(failure)
        : entries.First(static entry => entry.IsAvailable()).Create();
}
