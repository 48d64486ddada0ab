using T2.Kernels;
using T2.Kernels.Gpu;

namespace T2.Bench;

/// <summary>Thin singular value decompositions by cuSOLVER's Jacobi method, in fp64. The device's context must be current wherever it is used.</summary>
internal sealed unsafe class CuSolver : IDisposable
{
    private const int WithVectors = 1, Thin = 1;

    private readonly IGpuDevice _device;
    private readonly delegate* unmanaged<nint, int> _destroy;
    private readonly delegate* unmanaged<nint, int> _destroyParameters;
    private readonly delegate* unmanaged<nint, int, int, int, int, ulong, int, ulong, ulong, int, ulong, int, int*, nint, int> _workspace;
    private readonly delegate* unmanaged<nint, int, int, int, int, ulong, int, ulong, ulong, int, ulong, int, ulong, int, ulong, nint, int> _gesvdj;
    private readonly nint _handle;
    private readonly nint _parameters;

    /// <summary>Binds the functions and creates a handle that queues its work to a stream.</summary>
    /// <param name="find">Finds a function of the library by name.</param>
    /// <param name="device">The device whose memory it works in.</param>
    /// <param name="stream">The driver's handle of the stream.</param>
    /// <exception cref="EntryPointNotFoundException">The library lacks a function.</exception>
    /// <exception cref="InvalidOperationException">cuSOLVER cannot start.</exception>
    public CuSolver(Func<string, nint> find, IGpuDevice device, nint stream)
    {
        _device = device;
        var create = (delegate* unmanaged<nint*, int>)find("cusolverDnCreate");
        var setStream = (delegate* unmanaged<nint, nint, int>)find("cusolverDnSetStream");
        var createParameters = (delegate* unmanaged<nint*, int>)find("cusolverDnCreateGesvdjInfo");
        _destroy = (delegate* unmanaged<nint, int>)find("cusolverDnDestroy");
        _destroyParameters = (delegate* unmanaged<nint, int>)find("cusolverDnDestroyGesvdjInfo");
        _workspace = (delegate* unmanaged<nint, int, int, int, int, ulong, int, ulong, ulong, int, ulong, int, int*, nint, int>)find("cusolverDnDgesvdj_bufferSize");
        _gesvdj = (delegate* unmanaged<nint, int, int, int, int, ulong, int, ulong, ulong, int, ulong, int, ulong, int, ulong, nint, int>)find("cusolverDnDgesvdj");
        nint handle, parameters;
        CudaLibrary.Check(create(&handle), "cusolverDnCreate");
        _handle = handle;
        int status = setStream(handle, stream);
        if (status == 0 && (status = createParameters(&parameters)) == 0)
            _parameters = parameters;
        else
            _destroy(handle);
        CudaLibrary.Check(status, "cusolverDnSetStream or cusolverDnCreateGesvdjInfo");
    }

    /// <summary>σ, U and V of a matrix that lies column by column in device memory, in fp64; it is overwritten. Waits for the result.</summary>
    /// <param name="matrix">The matrix, rows×columns.</param>
    /// <param name="shape">Its shape; r is the smaller side.</param>
    /// <returns>σ, r values, largest first.</returns>
    /// <exception cref="InvalidOperationException">cuSOLVER failed or did not converge.</exception>
    public double[] SingularValues(DevicePointer matrix, MatrixShape shape)
    {
        int m = shape.Rows, n = shape.Columns, r = shape.Rank, length, outcome = 0;
        var values = new double[r];
        var allocated = new Stack<DevicePointer>();
        try
        {
            DevicePointer sigma = Allocate(r), u = Allocate((long)m * r), v = Allocate((long)n * r), info = Allocate(1);
            CudaLibrary.Check(
                _workspace(_handle, WithVectors, Thin, m, n, matrix.Address, m, sigma.Address, u.Address, m, v.Address, n, &length, _parameters),
                $"cusolverDnDgesvdj_bufferSize of {shape}");
            var work = Allocate(Math.Max(1, length));
            CudaLibrary.Check(
                _gesvdj(_handle, WithVectors, Thin, m, n, matrix.Address, m, sigma.Address, u.Address, m, v.Address, n, work.Address, length, info.Address, _parameters),
                $"cusolverDnDgesvdj of {shape}");
            _device.Download<double>(sigma, values);
            _device.Download(info, (byte*)&outcome, sizeof(int));
        }
        finally
        {
            while (allocated.TryPop(out var pointer))
                _device.Free(pointer);
        }
        return outcome == 0 ? values : throw new InvalidOperationException($"cusolverDnDgesvdj of {shape} ended with info {outcome}.");

        DevicePointer Allocate(long count)
        {
            allocated.Push(_device.Allocate(count * sizeof(double)));
            return allocated.Peek();
        }
    }

    public void Dispose()
    {
        _ = _destroyParameters(_parameters);
        _ = _destroy(_handle);
    }
}
