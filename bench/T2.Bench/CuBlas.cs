using T2.Kernels;
using T2.Kernels.Gpu;

namespace T2.Bench;

/// <summary>Products of matrices by cuBLAS. The device's context must be current wherever it is used.</summary>
internal sealed unsafe class CuBlas : IDisposable
{
    // cudaDataType_t, cublasComputeType_t and cublasGemmAlgo_t.
    private const int Real32 = 0, Real16 = 2, RealBFloat16 = 14;
    private const int Compute32 = 68, Compute32ByTf32 = 77;
    private const int DefaultAlgorithm = -1;

    private readonly delegate* unmanaged<nint, int> _destroy;
    private readonly delegate* unmanaged<nint, int, int, int, int, int, float*, ulong, int, ulong, int, float*, ulong, int, int> _sgemm;
    private readonly delegate* unmanaged<nint, int, int, int, int, int, float*, ulong, int, int, ulong, int, int, float*, ulong, int, int, int, int, int> _gemmEx;
    private readonly nint _handle;

    /// <summary>Binds the functions and creates a handle that queues its work to a stream.</summary>
    /// <param name="find">Finds a function of the library by name.</param>
    /// <param name="stream">The driver's handle of the stream.</param>
    /// <exception cref="EntryPointNotFoundException">The library lacks a function.</exception>
    /// <exception cref="InvalidOperationException">cuBLAS cannot start.</exception>
    public CuBlas(Func<string, nint> find, nint stream)
    {
        var create = (delegate* unmanaged<nint*, int>)find("cublasCreate_v2");
        var setStream = (delegate* unmanaged<nint, nint, int>)find("cublasSetStream_v2");
        _destroy = (delegate* unmanaged<nint, int>)find("cublasDestroy_v2");
        _sgemm = (delegate* unmanaged<nint, int, int, int, int, int, float*, ulong, int, ulong, int, float*, ulong, int, int>)find("cublasSgemm_v2");
        _gemmEx = (delegate* unmanaged<nint, int, int, int, int, int, float*, ulong, int, int, ulong, int, int, float*, ulong, int, int, int, int, int>)find("cublasGemmEx");
        nint handle;
        CudaLibrary.Check(create(&handle), "cublasCreate");
        _handle = handle;
        int status = setStream(handle, stream);
        if (status != 0)
            Dispose();
        CudaLibrary.Check(status, "cublasSetStream");
    }

    /// <summary>
    /// C = A·B: A rows×depth, B depth×columns, C rows×columns, each row by row and without padding; summed in fp32. cuBLAS counts by columns, to which these
    /// are the transposed matrices, so that Cᵀ = Bᵀ·Aᵀ is what it is asked for. Single and Tf32 take and give fp32 values, BFloat and Half their own.
    /// </summary>
    /// <exception cref="InvalidOperationException">cuBLAS failed.</exception>
    public void Multiply(RebuildPrecision precision, MatrixShape shape, int depth, DevicePointer a, DevicePointer b, DevicePointer c)
    {
        float one = 1, zero = 0;
        if (precision == RebuildPrecision.Single)
        {
            CudaLibrary.Check(
                _sgemm(_handle, 0, 0, shape.Columns, shape.Rows, depth, &one, b.Address, shape.Columns, a.Address, depth, &zero, c.Address, shape.Columns),
                $"cublasSgemm of {shape}");
            return;
        }
        int type = precision switch { RebuildPrecision.Half => Real16, RebuildPrecision.BFloat => RealBFloat16, _ => Real32 };
        int compute = precision == RebuildPrecision.Tf32 ? Compute32ByTf32 : Compute32;
        CudaLibrary.Check(
            _gemmEx(
                _handle, 0, 0, shape.Columns, shape.Rows, depth, &one, b.Address, type, shape.Columns, a.Address, type, depth, &zero, c.Address, type, shape.Columns,
                compute, DefaultAlgorithm),
            $"cublasGemmEx of {shape} in {precision}");
    }

    public void Dispose() => _ = _destroy(_handle);
}
