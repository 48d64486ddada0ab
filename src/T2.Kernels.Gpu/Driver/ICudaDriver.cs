namespace T2.Kernels.Gpu.Driver;

/// <summary>
/// The entries of the CUDA driver API that T2 uses, under their own names less the <c>cu</c> and the version suffix; every one returns the driver's
/// <c>CUresult</c>, 0 for success. An interface so that tests can put a driver in its place that writes down what it is asked.
/// </summary>
public unsafe interface ICudaDriver
{
#pragma warning disable CS1591 // Each member is the driver function of that name; NVIDIA's manual describes them.
    int Init(uint flags);

    int DeviceGetCount(out int count);

    int DeviceGet(out int device, int ordinal);

    int DeviceGetName(byte* name, int length, int device);

    int DeviceGetAttribute(out int value, int attribute, int device);

    int DevicePrimaryCtxRetain(out nint context, int device);

    int DevicePrimaryCtxRelease(int device);

    int CtxPushCurrent(nint context);

    int CtxPopCurrent(out nint context);

    int CtxSynchronize();

    int ModuleLoadDataEx(out nint module, byte* image, uint optionCount, int* options, void** values);

    int ModuleUnload(nint module);

    int ModuleGetFunction(out nint function, nint module, byte* name);

    int LaunchKernel(nint function, uint gridX, uint gridY, uint gridZ, uint blockX, uint blockY, uint blockZ, uint sharedBytes, nint stream, void** parameters, void** extra);

    int MemGetInfo(out nuint free, out nuint total);

    int MemAlloc(out ulong pointer, nuint bytes);

    int MemFree(ulong pointer);

    int MemHostAlloc(out nint pointer, nuint bytes, uint flags);

    int MemFreeHost(nint pointer);

    int MemcpyHtoDAsync(ulong destination, void* source, nuint bytes, nint stream);

    int MemcpyDtoHAsync(void* destination, ulong source, nuint bytes, nint stream);

    int MemcpyDtoDAsync(ulong destination, ulong source, nuint bytes, nint stream);

    int MemsetD8Async(ulong destination, byte value, nuint count, nint stream);

    int StreamCreate(out nint stream, uint flags);

    int StreamDestroy(nint stream);

    int StreamSynchronize(nint stream);

    int StreamWaitEvent(nint stream, nint moment, uint flags);

    int EventCreate(out nint moment, uint flags);

    int EventDestroy(nint moment);

    int EventRecord(nint moment, nint stream);

    int GetErrorName(int error, out nint name);

    int GetErrorString(int error, out nint text);
#pragma warning restore CS1591
}
