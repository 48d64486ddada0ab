using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace T2.Llama;

#pragma warning disable CA1401 // Public on purpose: thin access to ggml is what this class is for.

/// <summary>
/// The part of ggml's C API that working on weights needs, as it is: pointers in, pointers out, and a wrong argument ends the
/// process. Usable after <see cref="LlamaLibrary.Load"/>.
/// </summary>
public static unsafe partial class GgmlNative
{
    // Tensors and buffers are in libggml-base; the registry of back ends is in libggml.
    internal const string Base = "ggml-base";
    internal const string Registry = "ggml";

    /// <summary>Copies bytes into a tensor, wherever its buffer lies. Asserts that they fit; nothing may be computing with the tensor.</summary>
    [LibraryImport(Base)]
    [UnmanagedCallConv(CallConvs = [typeof(CallConvCdecl)])]
    public static partial void ggml_backend_tensor_set(nint tensor, void* data, nuint offset, nuint size);

    /// <summary>Name of a buffer, UTF-8. Thread-safe.</summary>
    [LibraryImport(Base)]
    [UnmanagedCallConv(CallConvs = [typeof(CallConvCdecl)])]
    public static partial byte* ggml_backend_buffer_name(nint buffer);

    /// <summary>The ggml_backend_buffer_type of a buffer. Thread-safe.</summary>
    [LibraryImport(Base)]
    [UnmanagedCallConv(CallConvs = [typeof(CallConvCdecl)])]
    public static partial nint ggml_backend_buffer_get_type(nint buffer);

    /// <summary>Whether a buffer lies in memory that this process can read in ggml's own layout. Thread-safe.</summary>
    [LibraryImport(Base)]
    [UnmanagedCallConv(CallConvs = [typeof(CallConvCdecl)])]
    [return: MarshalAs(UnmanagedType.U1)]
    public static partial bool ggml_backend_buffer_is_host(nint buffer);

    /// <summary>Name of a buffer type, UTF-8, e.g. CPU, CPU_Mapped, CPU_REPACK, CUDA0. Thread-safe.</summary>
    [LibraryImport(Base)]
    [UnmanagedCallConv(CallConvs = [typeof(CallConvCdecl)])]
    public static partial byte* ggml_backend_buft_name(nint bufferType);

    /// <summary>ggml's version, UTF-8. Thread-safe.</summary>
    [LibraryImport(Base)]
    [UnmanagedCallConv(CallConvs = [typeof(CallConvCdecl)])]
    public static partial byte* ggml_version();

    /// <summary>Number of devices that the loaded back ends offer.</summary>
    [LibraryImport(Registry)]
    [UnmanagedCallConv(CallConvs = [typeof(CallConvCdecl)])]
    public static partial nuint ggml_backend_dev_count();

    /// <summary>A device; the index must be below the count.</summary>
    [LibraryImport(Registry)]
    [UnmanagedCallConv(CallConvs = [typeof(CallConvCdecl)])]
    public static partial nint ggml_backend_dev_get(nuint index);

    /// <summary>ggml_backend_dev_type of a GPU with memory of its own.</summary>
    public const int DeviceTypeGpu = 1;

    /// <summary>ggml_backend_dev_type of a GPU that shares the host's memory.</summary>
    public const int DeviceTypeIntegratedGpu = 2;

    /// <summary>The first device of a type (0 = CPU), or zero.</summary>
    [LibraryImport(Registry)]
    [UnmanagedCallConv(CallConvs = [typeof(CallConvCdecl)])]
    public static partial nint ggml_backend_dev_by_type(int type);

    /// <summary>Name of a device, UTF-8. Thread-safe.</summary>
    [LibraryImport(Base)]
    [UnmanagedCallConv(CallConvs = [typeof(CallConvCdecl)])]
    public static partial byte* ggml_backend_dev_name(nint device);

    /// <summary>Description of a device, UTF-8. Thread-safe.</summary>
    [LibraryImport(Base)]
    [UnmanagedCallConv(CallConvs = [typeof(CallConvCdecl)])]
    public static partial byte* ggml_backend_dev_description(nint device);

    /// <summary>Loads the best variant of every back end found in a folder.</summary>
    [LibraryImport(Registry, StringMarshalling = StringMarshalling.Utf8)]
    [UnmanagedCallConv(CallConvs = [typeof(CallConvCdecl)])]
    public static partial void ggml_backend_load_all_from_path(string folder);

    /// <summary>Sends ggml's log lines to a callback. Process-wide and not thread-safe.</summary>
    [LibraryImport(Base)]
    [UnmanagedCallConv(CallConvs = [typeof(CallConvCdecl)])]
    public static partial void ggml_log_set(delegate* unmanaged[Cdecl]<int, byte*, void*, void> callback, void* userData);
}
