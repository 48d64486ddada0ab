using System.Runtime.InteropServices;

namespace T2.Gguf.Tests.Quantization;

/// <summary>ggml's own conversions, from the prebuilt library that T2 binds.</summary>
internal static unsafe class GgmlOracle
{
    private const string FileName = "libggml-base.so";

    private static readonly string? s_path = Find();
    private static readonly delegate* unmanaged[Cdecl]<int, float*, void*, long, long, long, float*, nuint> s_quantizeChunk;
    private static readonly delegate* unmanaged[Cdecl]<int, TypeTraits*> s_getTypeTraits;

    static GgmlOracle()
    {
        if (s_path is null)
            return;
        var library = NativeLibrary.Load(s_path);
        s_quantizeChunk = (delegate* unmanaged[Cdecl]<int, float*, void*, long, long, long, float*, nuint>)NativeLibrary.GetExport(library, "ggml_quantize_chunk");
        s_getTypeTraits = (delegate* unmanaged[Cdecl]<int, TypeTraits*>)NativeLibrary.GetExport(library, "ggml_get_type_traits");
    }

    /// <summary>Skips the calling test where the library is missing.</summary>
    public static void Require() => Skip.If(s_path is null, $"{FileName} was not found: run `npm ci` in native/llama, or set T2_LLAMA_LIBRARY to its directory.");

    public static byte[] Quantize(TensorType type, ReadOnlySpan<float> source, int rowLength)
    {
        var destination = new byte[TensorTypes.Info(type).BytesFor(source.Length)];
        fixed (float* from = source)
        fixed (byte* to = destination)
        {
            var written = s_quantizeChunk((int)type, from, to, 0, source.Length / rowLength, rowLength, null);
            Assert.Equal((nuint)destination.Length, written);
        }
        return destination;
    }

    public static float[] Dequantize(TensorType type, ReadOnlySpan<byte> source)
    {
        var info = TensorTypes.Info(type);
        if (type == TensorType.F32) // ggml has no conversion for it
            return MemoryMarshal.Cast<byte, float>(source).ToArray();
        var traits = s_getTypeTraits((int)type);
        Assert.Equal(info.Name, Marshal.PtrToStringUTF8(traits->Name), ignoreCase: true);
        Assert.Equal(info.BlockLength, traits->BlockLength);
        Assert.Equal(info.BlockBytes, (int)traits->BlockBytes);
        var destination = new float[source.Length / info.BlockBytes * info.BlockLength];
        fixed (byte* from = source)
        fixed (float* to = destination)
            traits->ToFloat(from, to, destination.Length);
        return destination;
    }

    private static string? Find()
    {
        if (!OperatingSystem.IsLinux() || RuntimeInformation.ProcessArchitecture != Architecture.X64)
            return null;
        var directories = new List<string?>
        {
            Environment.GetEnvironmentVariable("T2_LLAMA_LIBRARY"),
            Path.Combine(AppContext.BaseDirectory, "runtimes", "linux-x64", "native"),
        };
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "T2.sln")))
                directories.Add(Path.Combine(folder.FullName, "native", "llama", "node_modules", "@node-llama-cpp", "linux-x64", "bins", "linux-x64"));
        }
        return directories.Where(static directory => !string.IsNullOrEmpty(directory))
            .Select(static directory => Path.Combine(directory!, FileName))
            .FirstOrDefault(File.Exists);
    }

    // struct ggml_type_traits of ggml.h
    [StructLayout(LayoutKind.Sequential)]
    private struct TypeTraits
    {
        public nint Name;
        public long BlockLength;
        public long BlockLengthInterleave;
        public nuint BlockBytes;
        public byte IsQuantized;
        public delegate* unmanaged[Cdecl]<void*, float*, long, void> ToFloat;
        public nint FromFloatReference;
    }
}
