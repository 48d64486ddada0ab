using System.Runtime.InteropServices;

namespace T2.Weights;

/// <summary>
/// The few functions of ggml-base that finding and writing weights takes, resolved by name from whatever copy of ggml is loaded in this process:
/// T2's own, or another library's such as LLamaSharp's.
/// </summary>
public sealed unsafe class GgmlExports
{
    private readonly delegate* unmanaged<void*, nuint> _nbytes;
    private readonly delegate* unmanaged<void*, void*> _getData;
    private readonly delegate* unmanaged<void*, byte*> _getName;
    private readonly delegate* unmanaged<void*, void*, nuint, nuint, void> _tensorSet;
    private readonly delegate* unmanaged<void*, byte*> _bufferName;
    private readonly delegate* unmanaged<void*, byte> _bufferIsHost;
    private readonly delegate* unmanaged<void*, void*, nuint> _allocationSize;

    private GgmlExports(Func<string, nint> resolve)
    {
        _nbytes = (delegate* unmanaged<void*, nuint>)Require(resolve, "ggml_nbytes");
        _getData = (delegate* unmanaged<void*, void*>)Require(resolve, "ggml_get_data");
        _getName = (delegate* unmanaged<void*, byte*>)Require(resolve, "ggml_get_name");
        _tensorSet = (delegate* unmanaged<void*, void*, nuint, nuint, void>)Require(resolve, "ggml_backend_tensor_set");
        _bufferName = (delegate* unmanaged<void*, byte*>)Require(resolve, "ggml_backend_buffer_name");
        _bufferIsHost = (delegate* unmanaged<void*, byte>)Require(resolve, "ggml_backend_buffer_is_host");
        _allocationSize = (delegate* unmanaged<void*, void*, nuint>)Require(resolve, "ggml_backend_buffer_get_alloc_size");
    }

    /// <summary>Resolves the functions from loaded libraries, asked in the order given.</summary>
    /// <param name="libraries">Handles from <see cref="NativeLibrary"/>: ggml-base, or (on Linux and macOS) any library linked against it.</param>
    /// <exception cref="WeightAccessException">A function is in none of the libraries.</exception>
    public static GgmlExports FromLibraries(params ReadOnlySpan<nint> libraries)
    {
        var handles = libraries.ToArray();
        return new GgmlExports(name =>
        {
            foreach (nint handle in handles)
            {
                if (NativeLibrary.TryGetExport(handle, name, out nint address))
                    return address;
            }
            return 0;
        });
    }

    /// <summary><c>ggml_nbytes</c>: bytes of the tensor's data as ggml counts them.</summary>
    internal long ByteLength(void* tensor) => checked((long)_nbytes(tensor));

    /// <summary><c>ggml_get_data</c>.</summary>
    internal void* Data(void* tensor) => _getData(tensor);

    /// <summary><c>ggml_get_name</c>.</summary>
    internal byte* Name(void* tensor) => _getName(tensor);

    /// <summary><c>ggml_backend_tensor_set</c> of the whole tensor: the only form that repacking buffers accept.</summary>
    internal void SetWhole(void* tensor, byte* data, long length) => _tensorSet(tensor, data, 0, checked((nuint)length));

    /// <summary><c>ggml_backend_buffer_name</c>.</summary>
    internal string BufferName(void* buffer) => Marshal.PtrToStringUTF8((nint)_bufferName(buffer)) ?? "";

    /// <summary><c>ggml_backend_buffer_is_host</c>.</summary>
    internal bool BufferIsHost(void* buffer) => _bufferIsHost(buffer) != 0;

    /// <summary><c>ggml_backend_buffer_get_alloc_size</c>: bytes the tensor takes in the buffer's own layout.</summary>
    internal long AllocationSize(void* buffer, void* tensor) => checked((long)_allocationSize(buffer, tensor));

    private static void* Require(Func<string, nint> resolve, string name)
    {
        nint address = resolve(name);
        return address != 0
            ? (void*)address
            : throw new WeightAccessException($"The loaded ggml library exports no '{name}'; it is not a ggml that T2 can write weights in.");
    }
}
