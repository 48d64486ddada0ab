using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;

namespace T2.Kernels.Gpu.Driver;

/// <summary>
/// The CUDA driver library, loaded when first asked for: T2 neither needs nor ships it. Entries carry the version suffixes that CUDA's headers map the plain
/// names to; without them the library's 32-bit ancestors would be called.
/// </summary>
public sealed unsafe class CudaDriver : ICudaDriver
{
    private static readonly string[] s_names = OperatingSystem.IsWindows() ? ["nvcuda.dll"] : ["libcuda.so.1", "libcuda.so"];

    private readonly nint _library;
    private delegate* unmanaged<uint, int> _init;
    private delegate* unmanaged<int*, int> _deviceGetCount;
    private delegate* unmanaged<int*, int, int> _deviceGet;
    private delegate* unmanaged<byte*, int, int, int> _deviceGetName;
    private delegate* unmanaged<int*, int, int, int> _deviceGetAttribute;
    private delegate* unmanaged<nint*, int, int> _devicePrimaryCtxRetain;
    private delegate* unmanaged<int, int> _devicePrimaryCtxRelease;
    private delegate* unmanaged<nint, int> _ctxPushCurrent;
    private delegate* unmanaged<nint*, int> _ctxPopCurrent;
    private delegate* unmanaged<int> _ctxSynchronize;
    private delegate* unmanaged<nint*, byte*, uint, int*, void**, int> _moduleLoadDataEx;
    private delegate* unmanaged<nint, int> _moduleUnload;
    private delegate* unmanaged<nint*, nint, byte*, int> _moduleGetFunction;
    private delegate* unmanaged<nint, uint, uint, uint, uint, uint, uint, uint, nint, void**, void**, int> _launchKernel;
    private delegate* unmanaged<nuint*, nuint*, int> _memGetInfo;
    private delegate* unmanaged<ulong*, nuint, int> _memAlloc;
    private delegate* unmanaged<ulong, int> _memFree;
    private delegate* unmanaged<nint*, nuint, uint, int> _memHostAlloc;
    private delegate* unmanaged<nint, int> _memFreeHost;
    private delegate* unmanaged<ulong, void*, nuint, nint, int> _memcpyHtoDAsync;
    private delegate* unmanaged<void*, ulong, nuint, nint, int> _memcpyDtoHAsync;
    private delegate* unmanaged<ulong, ulong, nuint, nint, int> _memcpyDtoDAsync;
    private delegate* unmanaged<ulong, byte, nuint, nint, int> _memsetD8Async;
    private delegate* unmanaged<nint*, uint, int> _streamCreate;
    private delegate* unmanaged<nint, int> _streamDestroy;
    private delegate* unmanaged<nint, int> _streamSynchronize;
    private delegate* unmanaged<nint, nint, uint, int> _streamWaitEvent;
    private delegate* unmanaged<nint*, uint, int> _eventCreate;
    private delegate* unmanaged<nint, int> _eventDestroy;
    private delegate* unmanaged<nint, nint, int> _eventRecord;
    private delegate* unmanaged<int, nint*, int> _getErrorName;
    private delegate* unmanaged<int, nint*, int> _getErrorString;

    private CudaDriver(nint library) => _library = library;

    /// <summary>Loads the driver.</summary>
    /// <param name="driver">The driver, initialised.</param>
    /// <param name="reason">Why there is none: no library, an entry missing, or the driver's own refusal.</param>
    public static bool TryLoad([NotNullWhen(true)] out CudaDriver? driver, out string reason)
    {
        driver = null;
        foreach (var name in s_names)
        {
            if (!NativeLibrary.TryLoad(name, out var library))
                continue;
            try
            {
                var loaded = new CudaDriver(library);
                loaded.Bind();
                var error = loaded.Init(0);
                reason = error == 0 ? "" : $"cuInit failed: {CudaErrors.Describe(loaded, error)}";
                driver = error == 0 ? loaded : null;
                return error == 0;
            }
            catch (EntryPointNotFoundException exception)
            {
                reason = $"{name} is too old for T2: {exception.Message}";
                return false;
            }
        }
        reason = $"no CUDA driver is installed ({string.Join(", ", s_names)} not found)";
        return false;
    }

    /// <inheritdoc/>
    public int Init(uint flags) => _init(flags);

    /// <inheritdoc/>
    public int DeviceGetCount(out int count)
    {
        fixed (int* countPlace = &count)
            return _deviceGetCount(countPlace);
    }

    /// <inheritdoc/>
    public int DeviceGet(out int device, int ordinal)
    {
        fixed (int* devicePlace = &device)
            return _deviceGet(devicePlace, ordinal);
    }

    /// <inheritdoc/>
    public int DeviceGetName(byte* name, int length, int device) => _deviceGetName(name, length, device);

    /// <inheritdoc/>
    public int DeviceGetAttribute(out int value, int attribute, int device)
    {
        fixed (int* valuePlace = &value)
            return _deviceGetAttribute(valuePlace, attribute, device);
    }

    /// <inheritdoc/>
    public int DevicePrimaryCtxRetain(out nint context, int device)
    {
        fixed (nint* contextPlace = &context)
            return _devicePrimaryCtxRetain(contextPlace, device);
    }

    /// <inheritdoc/>
    public int DevicePrimaryCtxRelease(int device) => _devicePrimaryCtxRelease(device);

    /// <inheritdoc/>
    public int CtxPushCurrent(nint context) => _ctxPushCurrent(context);

    /// <inheritdoc/>
    public int CtxPopCurrent(out nint context)
    {
        fixed (nint* contextPlace = &context)
            return _ctxPopCurrent(contextPlace);
    }

    /// <inheritdoc/>
    public int CtxSynchronize() => _ctxSynchronize();

    /// <inheritdoc/>
    public int ModuleLoadDataEx(out nint module, byte* image, uint optionCount, int* options, void** values)
    {
        fixed (nint* modulePlace = &module)
            return _moduleLoadDataEx(modulePlace, image, optionCount, options, values);
    }

    /// <inheritdoc/>
    public int ModuleUnload(nint module) => _moduleUnload(module);

    /// <inheritdoc/>
    public int ModuleGetFunction(out nint function, nint module, byte* name)
    {
        fixed (nint* functionPlace = &function)
            return _moduleGetFunction(functionPlace, module, name);
    }

    /// <inheritdoc/>
    public int LaunchKernel(nint function, uint gridX, uint gridY, uint gridZ, uint blockX, uint blockY, uint blockZ, uint sharedBytes, nint stream, void** parameters, void** extra) => _launchKernel(function, gridX, gridY, gridZ, blockX, blockY, blockZ, sharedBytes, stream, parameters, extra);

    /// <inheritdoc/>
    public int MemGetInfo(out nuint free, out nuint total)
    {
        fixed (nuint* freePlace = &free)
        fixed (nuint* totalPlace = &total)
            return _memGetInfo(freePlace, totalPlace);
    }

    /// <inheritdoc/>
    public int MemAlloc(out ulong pointer, nuint bytes)
    {
        fixed (ulong* pointerPlace = &pointer)
            return _memAlloc(pointerPlace, bytes);
    }

    /// <inheritdoc/>
    public int MemFree(ulong pointer) => _memFree(pointer);

    /// <inheritdoc/>
    public int MemHostAlloc(out nint pointer, nuint bytes, uint flags)
    {
        fixed (nint* pointerPlace = &pointer)
            return _memHostAlloc(pointerPlace, bytes, flags);
    }

    /// <inheritdoc/>
    public int MemFreeHost(nint pointer) => _memFreeHost(pointer);

    /// <inheritdoc/>
    public int MemcpyHtoDAsync(ulong destination, void* source, nuint bytes, nint stream) => _memcpyHtoDAsync(destination, source, bytes, stream);

    /// <inheritdoc/>
    public int MemcpyDtoHAsync(void* destination, ulong source, nuint bytes, nint stream) => _memcpyDtoHAsync(destination, source, bytes, stream);

    /// <inheritdoc/>
    public int MemcpyDtoDAsync(ulong destination, ulong source, nuint bytes, nint stream) => _memcpyDtoDAsync(destination, source, bytes, stream);

    /// <inheritdoc/>
    public int MemsetD8Async(ulong destination, byte value, nuint count, nint stream) => _memsetD8Async(destination, value, count, stream);

    /// <inheritdoc/>
    public int StreamCreate(out nint stream, uint flags)
    {
        fixed (nint* streamPlace = &stream)
            return _streamCreate(streamPlace, flags);
    }

    /// <inheritdoc/>
    public int StreamDestroy(nint stream) => _streamDestroy(stream);

    /// <inheritdoc/>
    public int StreamSynchronize(nint stream) => _streamSynchronize(stream);

    /// <inheritdoc/>
    public int StreamWaitEvent(nint stream, nint moment, uint flags) => _streamWaitEvent(stream, moment, flags);

    /// <inheritdoc/>
    public int EventCreate(out nint moment, uint flags)
    {
        fixed (nint* momentPlace = &moment)
            return _eventCreate(momentPlace, flags);
    }

    /// <inheritdoc/>
    public int EventDestroy(nint moment) => _eventDestroy(moment);

    /// <inheritdoc/>
    public int EventRecord(nint moment, nint stream) => _eventRecord(moment, stream);

    /// <inheritdoc/>
    public int GetErrorName(int error, out nint name)
    {
        fixed (nint* namePlace = &name)
            return _getErrorName(error, namePlace);
    }

    /// <inheritdoc/>
    public int GetErrorString(int error, out nint text)
    {
        fixed (nint* textPlace = &text)
            return _getErrorString(error, textPlace);
    }

    private void Bind()
    {
        _init = (delegate* unmanaged<uint, int>)NativeLibrary.GetExport(_library, "cuInit");
        _deviceGetCount = (delegate* unmanaged<int*, int>)NativeLibrary.GetExport(_library, "cuDeviceGetCount");
        _deviceGet = (delegate* unmanaged<int*, int, int>)NativeLibrary.GetExport(_library, "cuDeviceGet");
        _deviceGetName = (delegate* unmanaged<byte*, int, int, int>)NativeLibrary.GetExport(_library, "cuDeviceGetName");
        _deviceGetAttribute = (delegate* unmanaged<int*, int, int, int>)NativeLibrary.GetExport(_library, "cuDeviceGetAttribute");
        _devicePrimaryCtxRetain = (delegate* unmanaged<nint*, int, int>)NativeLibrary.GetExport(_library, "cuDevicePrimaryCtxRetain");
        _devicePrimaryCtxRelease = (delegate* unmanaged<int, int>)NativeLibrary.GetExport(_library, "cuDevicePrimaryCtxRelease_v2");
        _ctxPushCurrent = (delegate* unmanaged<nint, int>)NativeLibrary.GetExport(_library, "cuCtxPushCurrent_v2");
        _ctxPopCurrent = (delegate* unmanaged<nint*, int>)NativeLibrary.GetExport(_library, "cuCtxPopCurrent_v2");
        _ctxSynchronize = (delegate* unmanaged<int>)NativeLibrary.GetExport(_library, "cuCtxSynchronize");
        _moduleLoadDataEx = (delegate* unmanaged<nint*, byte*, uint, int*, void**, int>)NativeLibrary.GetExport(_library, "cuModuleLoadDataEx");
        _moduleUnload = (delegate* unmanaged<nint, int>)NativeLibrary.GetExport(_library, "cuModuleUnload");
        _moduleGetFunction = (delegate* unmanaged<nint*, nint, byte*, int>)NativeLibrary.GetExport(_library, "cuModuleGetFunction");
        _launchKernel = (delegate* unmanaged<nint, uint, uint, uint, uint, uint, uint, uint, nint, void**, void**, int>)NativeLibrary.GetExport(_library, "cuLaunchKernel");
        _memGetInfo = (delegate* unmanaged<nuint*, nuint*, int>)NativeLibrary.GetExport(_library, "cuMemGetInfo_v2");
        _memAlloc = (delegate* unmanaged<ulong*, nuint, int>)NativeLibrary.GetExport(_library, "cuMemAlloc_v2");
        _memFree = (delegate* unmanaged<ulong, int>)NativeLibrary.GetExport(_library, "cuMemFree_v2");
        _memHostAlloc = (delegate* unmanaged<nint*, nuint, uint, int>)NativeLibrary.GetExport(_library, "cuMemHostAlloc");
        _memFreeHost = (delegate* unmanaged<nint, int>)NativeLibrary.GetExport(_library, "cuMemFreeHost");
        _memcpyHtoDAsync = (delegate* unmanaged<ulong, void*, nuint, nint, int>)NativeLibrary.GetExport(_library, "cuMemcpyHtoDAsync_v2");
        _memcpyDtoHAsync = (delegate* unmanaged<void*, ulong, nuint, nint, int>)NativeLibrary.GetExport(_library, "cuMemcpyDtoHAsync_v2");
        _memcpyDtoDAsync = (delegate* unmanaged<ulong, ulong, nuint, nint, int>)NativeLibrary.GetExport(_library, "cuMemcpyDtoDAsync_v2");
        _memsetD8Async = (delegate* unmanaged<ulong, byte, nuint, nint, int>)NativeLibrary.GetExport(_library, "cuMemsetD8Async");
        _streamCreate = (delegate* unmanaged<nint*, uint, int>)NativeLibrary.GetExport(_library, "cuStreamCreate");
        _streamDestroy = (delegate* unmanaged<nint, int>)NativeLibrary.GetExport(_library, "cuStreamDestroy_v2");
        _streamSynchronize = (delegate* unmanaged<nint, int>)NativeLibrary.GetExport(_library, "cuStreamSynchronize");
        _streamWaitEvent = (delegate* unmanaged<nint, nint, uint, int>)NativeLibrary.GetExport(_library, "cuStreamWaitEvent");
        _eventCreate = (delegate* unmanaged<nint*, uint, int>)NativeLibrary.GetExport(_library, "cuEventCreate");
        _eventDestroy = (delegate* unmanaged<nint, int>)NativeLibrary.GetExport(_library, "cuEventDestroy_v2");
        _eventRecord = (delegate* unmanaged<nint, nint, int>)NativeLibrary.GetExport(_library, "cuEventRecord");
        _getErrorName = (delegate* unmanaged<int, nint*, int>)NativeLibrary.GetExport(_library, "cuGetErrorName");
        _getErrorString = (delegate* unmanaged<int, nint*, int>)NativeLibrary.GetExport(_library, "cuGetErrorString");
    }
}
