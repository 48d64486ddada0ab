using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace T2.Llama;

/// <summary>
/// Tells whether a llama.cpp library lays out its parameter structs the way T2 does. llama.cpp passes them by value and
/// changes them several times a year, at times without changing their size; a library that is off by one field loads models
/// wrongly and then aborts. So before anything else its defaults are read back and compared byte for byte.
/// </summary>
internal static class LlamaAbi
{
    /// <summary>The one layout this build of T2 is compiled for.</summary>
    public const string KnownVersion = "v0.5.0 (model params 80 bytes, context params 160 bytes)";

    /// <summary>How llama_version() of that version begins.</summary>
    public const string KnownVersionPrefix = "0.5.0";

    /// <summary>What the buffers are filled with before the library writes into them.</summary>
    public const byte Poison = 0xA5;

    private const int ProbeSize = 512;

    [InlineArray(ProbeSize)]
    private struct Probe
    {
        private byte _first;
    }

    /// <summary>Asks the library for its defaults and compares them.</summary>
    /// <exception cref="LlamaAbiException">They are not those of the known version.</exception>
    public static unsafe void Verify(nint llama, string libraryPath)
    {
        string version = Version(llama);
        string? problem = Mismatch(
            Defaults(llama, "llama_model_default_params", libraryPath),
            Defaults(llama, "llama_context_default_params", libraryPath),
            ReturnsThroughPointerArgument);
        if (problem is not null)
        {
            throw new LlamaAbiException(
                $"{libraryPath} is llama.cpp {version}, whose parameter structs T2 does not know: {problem}. "
                + $"This build of T2 binds llama.cpp {KnownVersion}.");
        }
    }

    /// <summary>
    /// Compares poisoned buffers, after the library filled them, with the defaults of the known layout.
    /// Pure: the tests feed it the layouts of other months.
    /// </summary>
    /// <returns>Null when they match, otherwise what differs.</returns>
    public static string? Mismatch(ReadOnlySpan<byte> model, ReadOnlySpan<byte> context, bool sizeIsVisible)
    {
        string sizes = sizeIsVisible
            ? $"model params {WrittenSize(model)} bytes, context params {WrittenSize(context)} bytes"
            : "sizes unknown";
        string? model1 = FirstDifference(model, KnownDefaults(LlamaModelParams.Defaults), LlamaModelParams.IsPadding, sizeIsVisible);
        if (model1 is not null)
            return $"{sizes}; model params differ at {model1}";
        string? context1 = FirstDifference(context, KnownDefaults(LlamaContextParams.Defaults), LlamaContextParams.IsPadding, sizeIsVisible);
        return context1 is null ? null : $"{sizes}; context params differ at {context1}";
    }

    /// <summary>The defaults of the known layout as bytes; the tests build their doctored layouts from these.</summary>
    public static byte[] KnownDefaults<T>(T defaults) where T : unmanaged =>
        MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in defaults)).ToArray();

    /// <summary>llama_version() of a library, or a note that it has none.</summary>
    public static unsafe string Version(nint llama) =>
        NativeLibrary.TryGetExport(llama, "llama_version", out nint export)
            ? Marshal.PtrToStringUTF8((nint)((delegate* unmanaged[Cdecl]<byte*>)export)()) ?? "without a version"
            : "of a version before llama_version() existed";

    // System V and Windows x64 pass the address of a large return value as a hidden first argument, which a plain pointer
    // argument imitates exactly; AAPCS64 uses a register of its own (x8), which it does not.
    private static bool ReturnsThroughPointerArgument => RuntimeInformation.ProcessArchitecture == Architecture.X64;

    private static unsafe byte[] Defaults(nint llama, string function, string libraryPath)
    {
        if (!NativeLibrary.TryGetExport(llama, function, out nint export))
            throw new LlamaAbiException($"{libraryPath} does not export {function}; it is no llama.cpp library that T2 knows ({KnownVersion}).");
        byte[] buffer = new byte[ProbeSize];
        buffer.AsSpan().Fill(Poison);
        fixed (byte* target = buffer)
        {
            if (ReturnsThroughPointerArgument)
                ((delegate* unmanaged[Cdecl]<void*, void*>)export)(target);
            else
                *(Probe*)target = ((delegate* unmanaged[Cdecl]<Probe>)export)();
        }

        return buffer;
    }

    private static int WrittenSize(ReadOnlySpan<byte> buffer)
    {
        int written = buffer.LastIndexOfAnyExcept(Poison) + 1;
        return (written + 7) / 8 * 8; // every version holds pointers, so the compiler rounds up to eight
    }

    private static string? FirstDifference(ReadOnlySpan<byte> found, ReadOnlySpan<byte> known, Func<int, bool> isPadding, bool sizeIsVisible)
    {
        for (int i = 0; i < known.Length; i++)
        {
            if (found[i] != known[i] && !isPadding(i))
                return $"byte {i} (0x{found[i]:x2} instead of 0x{known[i]:x2})";
        }

        int beyond = sizeIsVisible ? found[known.Length..].IndexOfAnyExcept(Poison) : -1;
        return beyond < 0 ? null : $"byte {known.Length + beyond}, past the known end";
    }
}
