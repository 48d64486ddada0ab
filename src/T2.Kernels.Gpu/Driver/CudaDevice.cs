using System.Text;

namespace T2.Kernels.Gpu.Driver;

/// <summary>
/// A CUDA device by way of its <b>primary context</b>, which is the one llama.cpp's CUDA back end (like everything built on the CUDA runtime) works in: its
/// tensors' addresses are valid here as they are. The context is current only during a call: whatever was current on the calling thread is again afterwards.
/// <para>
/// Work is queued to streams of its own, which do not wait for llama.cpp's: call <see cref="Synchronize"/> before llama.cpp reads what was written, and
/// <see cref="WaitForOthers"/> before overwriting what it reads.
/// </para>
/// </summary>
public sealed unsafe class CudaDevice : IGpuDevice
{
    private const int ComputeCapabilityMajor = 75;
    private const int ComputeCapabilityMinor = 76;
    private const int PageableMemoryAccessUsesHostPageTables = 100;
    private const uint NonBlocking = 1;
    private const uint DisableTiming = 2;

    private readonly ICudaDriver _driver;
    private readonly int _device;
    private readonly nint _context;
    private readonly nint[] _streams = new nint[2];
    private readonly CudaModules _modules;
    private readonly Dictionary<nint, long> _pinned = [];
    private bool _readsHostPages;
    private bool _isBroken;
    private bool _isDisposed;

    private CudaDevice(ICudaDriver driver, int device, nint context)
    {
        _driver = driver;
        _device = device;
        _context = context;
        _modules = new CudaModules(driver);
    }

    /// <inheritdoc/>
    public string Name { get; private set; } = "";

    /// <summary>Compute capability, 8.0 for sm_80.</summary>
    public Version ComputeCapability { get; private set; } = new();

    /// <inheritdoc/>
    public bool HasTensorCores => ComputeCapability.Major >= 8;

    /// <inheritdoc/>
    public (long Free, long Total) Memory
    {
        get
        {
            using var scope = Enter();
            Check(_driver.MemGetInfo(out var free, out var total), "cuMemGetInfo");
            return ((long)free, (long)total);
        }
    }

    /// <summary>Opens a device.</summary>
    /// <param name="driver">An initialised driver.</param>
    /// <param name="ordinal">Number of the device, from 0, in the driver's order (which <c>CUDA_VISIBLE_DEVICES</c> shapes, for llama.cpp too).</param>
    /// <exception cref="GpuException">There is no such device, it is older than sm_80, or the driver failed.</exception>
    public static CudaDevice Open(ICudaDriver driver, int ordinal)
    {
        ArgumentNullException.ThrowIfNull(driver);
        Check(driver, driver.DeviceGetCount(out var count), "cuDeviceGetCount");
        if (ordinal < 0 || ordinal >= count)
            throw new GpuException($"There is no CUDA device {ordinal}; the driver knows {count}.");
        Check(driver, driver.DeviceGet(out var handle, ordinal), "cuDeviceGet");
        Check(driver, driver.DevicePrimaryCtxRetain(out var context, handle), "cuDevicePrimaryCtxRetain");
        var device = new CudaDevice(driver, handle, context);
        try
        {
            device.Initialize();
            return device;
        }
        catch
        {
            device.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public DevicePointer Allocate(long bytes)
    {
        using var scope = Enter();
        var error = _driver.MemAlloc(out var pointer, (nuint)bytes);
        if (error == CudaErrors.OutOfMemory)
            throw OutOfMemory("device memory", bytes);
        Check(error, $"cuMemAlloc of {bytes} bytes");
        return new DevicePointer(pointer);
    }

    /// <inheritdoc/>
    public void Free(DevicePointer pointer)
    {
        using var scope = EnterToFree();
        if (!scope.IsEntered)
            return;
        // The driver may still be reading or writing it.
        Wait();
        CheckUnlessBroken(_driver.MemFree(pointer.Address), "cuMemFree");
    }

    /// <inheritdoc/>
    public nint AllocatePinned(long bytes)
    {
        using var scope = Enter();
        var error = _driver.MemHostAlloc(out var pointer, (nuint)bytes, 0);
        if (error == CudaErrors.OutOfMemory)
            throw OutOfMemory("page-locked host memory", bytes);
        Check(error, $"cuMemHostAlloc of {bytes} bytes");
        _pinned.Add(pointer, bytes);
        return pointer;
    }

    /// <inheritdoc/>
    public void FreePinned(nint pointer)
    {
        using var scope = EnterToFree();
        if (!scope.IsEntered)
            return;
        Wait();
        _pinned.Remove(pointer);
        CheckUnlessBroken(_driver.MemFreeHost(pointer), "cuMemFreeHost");
    }

    /// <inheritdoc/>
    public void Upload(byte* source, DevicePointer destination, long bytes, GpuStream stream)
    {
        using var scope = Enter();
        Check(_driver.MemcpyHtoDAsync(destination.Address, source, (nuint)bytes, _streams[(int)stream]), "cuMemcpyHtoDAsync");
        // Pageable memory is copied by the driver before it returns, unless the GPU can read it by itself: then it may do so later.
        if (_readsHostPages && !IsPinned((nint)source))
            Check(_driver.StreamSynchronize(_streams[(int)stream]), "cuStreamSynchronize after cuMemcpyHtoDAsync");
    }

    /// <inheritdoc/>
    public void Download(DevicePointer source, byte* destination, long bytes)
    {
        using var scope = Enter();
        Check(_driver.MemcpyDtoHAsync(destination, source.Address, (nuint)bytes, Compute), "cuMemcpyDtoHAsync");
        Check(_driver.StreamSynchronize(Compute), "cuStreamSynchronize after cuMemcpyDtoHAsync");
    }

    /// <inheritdoc/>
    public void Copy(DevicePointer source, DevicePointer destination, long bytes)
    {
        using var scope = Enter();
        Check(_driver.MemcpyDtoDAsync(destination.Address, source.Address, (nuint)bytes, Compute), "cuMemcpyDtoDAsync");
    }

    /// <inheritdoc/>
    public void Clear(DevicePointer destination, long bytes)
    {
        using var scope = Enter();
        Check(_driver.MemsetD8Async(destination.Address, 0, (nuint)bytes, Compute), "cuMemsetD8Async");
    }

    /// <inheritdoc/>
    public void Launch(GpuKernel kernel, int gridX, int gridY, ReadOnlySpan<KernelArgument> arguments)
    {
        ArgumentNullException.ThrowIfNull(kernel);
        using var scope = Enter();
        var function = _modules.Load(kernel, arguments, Check);

        // Every argument gets 16 bytes, as much as the largest kind, and the driver a pointer to each.
        var values = stackalloc ulong[2 * arguments.Length];
        var pointers = stackalloc void*[arguments.Length];
        for (var i = 0; i < arguments.Length; i++)
        {
            values[2 * i] = arguments[i].Bits;
            values[(2 * i) + 1] = (ulong)arguments[i].Length;
            pointers[i] = values + (2 * i);
        }
        Check(_driver.LaunchKernel(function, (uint)gridX, (uint)gridY, 1, (uint)kernel.Threads, 1, 1, 0, Compute, pointers, null), $"cuLaunchKernel of {kernel}");
    }

    /// <inheritdoc/>
    public GpuEvent Record(GpuStream stream)
    {
        using var scope = Enter();
        Check(_driver.EventCreate(out var moment, DisableTiming), "cuEventCreate");
        var error = _driver.EventRecord(moment, _streams[(int)stream]);
        if (error != 0)
            _driver.EventDestroy(moment);
        Check(error, "cuEventRecord");
        return new GpuEvent(moment);
    }

    /// <inheritdoc/>
    public void Wait(GpuStream stream, GpuEvent moment)
    {
        using var scope = Enter();
        var error = _driver.StreamWaitEvent(_streams[(int)stream], moment.Handle, 0);
        // The driver keeps a destroyed event until it has happened.
        CheckUnlessBroken(_driver.EventDestroy(moment.Handle), "cuEventDestroy");
        CheckUnlessBroken(error, "cuStreamWaitEvent");
    }

    /// <inheritdoc/>
    public void Synchronize()
    {
        using var scope = Enter();
        Check(_driver.StreamSynchronize(_streams[(int)GpuStream.Copy]), "cuStreamSynchronize");
        Check(_driver.StreamSynchronize(Compute), "cuStreamSynchronize");
    }

    /// <inheritdoc/>
    public void WaitForOthers()
    {
        using var scope = Enter();
        Check(_driver.CtxSynchronize(), "cuCtxSynchronize");
    }

    /// <summary>Runs code with the device's primary context current, which libraries built on the CUDA runtime (cuBLAS, cuSOLVER) need.</summary>
    /// <param name="action">The code, given the driver's handle of the stream behind <see cref="GpuStream.Compute"/>: what is queued there is in order with T2's work.</param>
    /// <exception cref="GpuException">The driver failed.</exception>
    public void Within(Action<nint> action)
    {
        ArgumentNullException.ThrowIfNull(action);
        using var scope = Enter();
        action(Compute);
    }

    /// <summary>Unloads the kernels and lets go of the primary context, which lives on while llama.cpp holds it.</summary>
    public void Dispose()
    {
        if (_isDisposed)
            return;
        _isDisposed = true;
        if (_driver.CtxPushCurrent(_context) == 0)
        {
            // Nothing is left to be told about errors.
            foreach (var stream in _streams)
            {
                if (stream != 0)
                    _driver.StreamSynchronize(stream);
            }
            _modules.Unload();
            foreach (var stream in _streams)
            {
                if (stream != 0)
                    _driver.StreamDestroy(stream);
            }
            _driver.CtxPopCurrent(out _);
        }
        _driver.DevicePrimaryCtxRelease(_device);
    }

    private nint Compute => _streams[(int)GpuStream.Compute];

    private void Initialize()
    {
        const int NameLength = 256;
        var name = stackalloc byte[NameLength];
        Check(_driver.DeviceGetName(name, NameLength, _device), "cuDeviceGetName");
        Name = Encoding.UTF8.GetString(name, new ReadOnlySpan<byte>(name, NameLength).IndexOf((byte)0));
        Check(_driver.DeviceGetAttribute(out var major, ComputeCapabilityMajor, _device), "cuDeviceGetAttribute");
        Check(_driver.DeviceGetAttribute(out var minor, ComputeCapabilityMinor, _device), "cuDeviceGetAttribute");
        ComputeCapability = new Version(major, minor);
        if (major < 8)
            throw new GpuException($"{Name} has compute capability {ComputeCapability}; T2's kernels need 8.0 or later.");
        // Grace's and others': CPU and GPU share page tables.
        Check(_driver.DeviceGetAttribute(out var sharesPageTables, PageableMemoryAccessUsesHostPageTables, _device), "cuDeviceGetAttribute");
        _readsHostPages = sharesPageTables != 0;
        using var scope = Enter();
        for (var i = 0; i < _streams.Length; i++)
            Check(_driver.StreamCreate(out _streams[i], NonBlocking), "cuStreamCreate");
    }

    private bool IsPinned(nint address)
    {
        foreach (var (start, bytes) in _pinned)
        {
            if (address >= start && address < start + (nint)bytes)
                return true;
        }
        return false;
    }

    private Scope Enter()
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        Check(_driver.CtxPushCurrent(_context), "cuCtxPushCurrent");
        return new Scope(_driver);
    }

    /// <summary>A context that is beyond repair may refuse to be entered too. What is in it goes with it.</summary>
    private Scope EnterToFree()
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        var error = _driver.CtxPushCurrent(_context);
        CheckUnlessBroken(error, "cuCtxPushCurrent");
        return error == 0 ? new Scope(_driver) : default;
    }

    /// <summary>Waits for both queues; what failed in them has been or will be reported by a call that can throw.</summary>
    private void Wait()
    {
        foreach (var stream in _streams)
            CheckUnlessBroken(_driver.StreamSynchronize(stream), "cuStreamSynchronize");
    }

    private GpuOutOfMemoryException OutOfMemory(string what, long bytes)
    {
        var free = _driver.MemGetInfo(out var freeBytes, out var total) == 0 ? $"; {ByteSize.Format((long)freeBytes)} of {ByteSize.Format((long)total)} are free on {Name}" : "";
        return new GpuOutOfMemoryException($"{ByteSize.Format(bytes)} of {what} are not to be had: {CudaErrors.Describe(_driver, CudaErrors.OutOfMemory)}{free}.");
    }

    private void Check(int error, string call)
    {
        // Most errors but lack of memory stay with a context for good.
        _isBroken |= error != 0 && error != CudaErrors.OutOfMemory;
        Check(_driver, error, call);
    }

    /// <summary>Cleaning up after a failure fails too; that must not hide the first one.</summary>
    private void CheckUnlessBroken(int error, string call)
    {
        if (!_isBroken)
            Check(error, call);
    }

    private static void Check(ICudaDriver driver, int error, string call)
    {
        if (error == CudaErrors.OutOfMemory)
            throw new GpuOutOfMemoryException($"{call} failed: {CudaErrors.Describe(driver, error)}.");
        if (error != 0)
            throw new GpuException($"{call} failed: {CudaErrors.Describe(driver, error)}.");
    }

    private readonly ref struct Scope(ICudaDriver driver)
    {
        /// <summary>False of the default.</summary>
        public bool IsEntered => driver is not null;

        public void Dispose()
        {
            if (IsEntered)
                driver.CtxPopCurrent(out _);
        }
    }
}
