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

    private readonly delegate* unmanaged<void*, nuint, void*> _wrapHost;
    private readonly delegate* unmanaged<void*, int, void> _setUsage;
    private readonly delegate* unmanaged<void*, void> _freeBuffer;
    private readonly delegate* unmanaged<int, void*> _deviceByType;

    private GgmlExports(Func<string, nint> resolve)
    {
        _nbytes = (delegate* unmanaged<void*, nuint>)Require(resolve, "ggml_nbytes");
        _getData = (delegate* unmanaged<void*, void*>)Require(resolve, "ggml_get_data");
        _getName = (delegate* unmanaged<void*, byte*>)Require(resolve, "ggml_get_name");
        _tensorSet = (delegate* unmanaged<void*, void*, nuint, nuint, void>)Require(resolve, "ggml_backend_tensor_set");
        _bufferName = (delegate* unmanaged<void*, byte*>)Require(resolve, "ggml_backend_buffer_name");
        _bufferIsHost = (delegate* unmanaged<void*, byte>)Require(resolve, "ggml_backend_buffer_is_host");
        _allocationSize = (delegate* unmanaged<void*, void*, nuint>)Require(resolve, "ggml_backend_buffer_get_alloc_size");
        _wrapHost = (delegate* unmanaged<void*, nuint, void*>)Require(resolve, "ggml_backend_cpu_buffer_from_ptr");
        _setUsage = (delegate* unmanaged<void*, int, void>)Require(resolve, "ggml_backend_buffer_set_usage");
        _freeBuffer = (delegate* unmanaged<void*, void>)Require(resolve, "ggml_backend_buffer_free");
        _deviceByType = (delegate* unmanaged<int, void*>)resolve("ggml_backend_dev_by_type");
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

    /// <summary><c>ggml_backend_cpu_buffer_from_ptr</c>, marked as holding weights: a plain CPU buffer over memory of ours.</summary>
    internal nint WrapHost(byte* memory, long length)
    {
        const int Weights = 1;
        void* buffer = _wrapHost(memory, checked((nuint)length));
        _setUsage(buffer, Weights);
        return (nint)buffer;
    }

    /// <summary><c>ggml_backend_buffer_free</c>; the memory that a wrapped buffer is over stays.</summary>
    internal void FreeBuffer(nint buffer) => _freeBuffer((void*)buffer);

    /// <summary>Whether every device that computes is a CPU. Where this ggml does not say, it is taken for one with a GPU.</summary>
    public bool HasOnlyCpus
    {
        get
        {
            const int Gpu = 1, IntegratedGpu = 2;
            return _deviceByType != null && _deviceByType(Gpu) == null && _deviceByType(IntegratedGpu) == null;
        }
    }

    private static void* Require(Func<string, nint> resolve, string name)
    {
        nint address = resolve(name);
        return address != 0
            ? (void*)address
            : throw new WeightAccessException($"The loaded ggml library exports no '{name}'; it is not a ggml that T2 can write weights in.");
    }
}
