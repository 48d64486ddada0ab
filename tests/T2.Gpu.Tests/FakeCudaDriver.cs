using System.Runtime.InteropServices;
using System.Text;
using T2.Kernels.Gpu;
using T2.Kernels.Gpu.Compiler;
using T2.Kernels.Gpu.Driver;

namespace T2.Gpu.Tests;

/// <summary>
/// A driver without a GPU: keeps the books a real one keeps (contexts per thread, memory, streams, events, modules), writes down every call, refuses what a
/// real one refuses, and fails where it is told to. Its memory holds nothing and its kernels do nothing, unless it is given a device that has both.
/// </summary>
internal sealed unsafe class FakeCudaDriver(HostDevice? behind = null) : ICudaDriver
{
    public const int InvalidValue = 1;
    public const int OutOfMemory = 2;
    public const int InvalidContext = 201;
    public const int IllegalAddress = 700;
    private const nint PrimaryContext = 0xC0;

    private readonly Dictionary<ulong, long> _memory = [];
    private readonly HashSet<nint> _pinned = [];
    private readonly HashSet<nint> _handles = [];
    private readonly Dictionary<nint, string> _modules = [];
    private readonly Dictionary<nint, string> _functions = [];
    private readonly Dictionary<nint, int[]> _parameterBytes = [];
    private readonly List<nint> _streams = [];
    private readonly Stack<nint> _contexts = new([0]);
    private readonly Dictionary<string, (int After, int Error)> _failures = new(StringComparer.Ordinal);
    private readonly nint _errorName = Marshal.StringToCoTaskMemUTF8("CUDA_ERROR_FAKE");
    private readonly nint _errorText = Marshal.StringToCoTaskMemUTF8("made up");
    private ulong _nextAddress = 0x7000_0000_0000;
    private nint _nextHandle = 0x100;

    /// <summary>Every call, by name and what matters of its arguments.</summary>
    public List<string> Calls { get; } = [];

    /// <summary>Launches: entry point, grid, and the parameters as 64-bit words (two for a view).</summary>
    public List<(string Kernel, uint GridX, uint GridY, uint Threads, ulong[] Words, nint Stream)> Launches { get; } = [];

    public long Capacity { get; set; } = 80L << 30;

    public int Major { get; set; } = 9;

    /// <summary>Whether the GPU reads the host's pageable memory by itself.</summary>
    public bool SharesPageTables { get; set; }

    public int Retained { get; private set; }

    /// <summary>What was current on the thread before any call, and must be after each.</summary>
    public nint CurrentContext => _contexts.Peek();

    public int ContextDepth => _contexts.Count;

    public long AllocatedBytes => _memory.Values.Sum();

    public int LiveEvents => _handles.Count - _streams.Count(_handles.Contains);

    /// <summary>Streams, events and modules that are still there, and pinned memory.</summary>
    public int LiveHandles => _handles.Count + _modules.Count + _pinned.Count;

    /// <summary>Makes a call fail from its <paramref name="after"/>-th next time on.</summary>
    public void Fail(string call, int error, int after = 0) => _failures[call] = (after, error);

    public int Init(uint flags) => Log("Init");

    public int DeviceGetCount(out int count)
    {
        count = 1;
        return Log("DeviceGetCount");
    }

    public int DeviceGet(out int device, int ordinal)
    {
        device = 40 + ordinal;
        return Log($"DeviceGet {ordinal}");
    }

    public int DeviceGetName(byte* name, int length, int device)
    {
        Encoding.UTF8.GetBytes("Fake GPU\0").CopyTo(new Span<byte>(name, length));
        return Log("DeviceGetName");
    }

    public int DeviceGetAttribute(out int value, int attribute, int device)
    {
        value = attribute switch { 75 => Major, 100 => SharesPageTables ? 1 : 0, _ => 0 };
        return Log($"DeviceGetAttribute {attribute}");
    }

    public int DevicePrimaryCtxRetain(out nint context, int device)
    {
        context = PrimaryContext;
        var error = Log($"DevicePrimaryCtxRetain {device}");
        Retained += error == 0 ? 1 : 0;
        return error;
    }

    public int DevicePrimaryCtxRelease(int device)
    {
        Retained--;
        return Log($"DevicePrimaryCtxRelease {device}");
    }

    public int CtxPushCurrent(nint context)
    {
        var error = Log("CtxPushCurrent");
        if (error == 0)
            _contexts.Push(context);
        return error;
    }

    public int CtxPopCurrent(out nint context)
    {
        context = _contexts.Pop();
        return Log("CtxPopCurrent");
    }

    public int CtxSynchronize() => LogInContext("CtxSynchronize");

    public int ModuleLoadDataEx(out nint module, byte* image, uint optionCount, int* options, void** values)
    {
        module = 0;
        var error = LogInContext("ModuleLoadDataEx");
        if (error != 0)
        {
            // Options 5 and 6 are the error log and its size.
            Assert.Equal((5, 6), (options[0], options[1]));
            Encoding.UTF8.GetBytes("ptxas: no\0").CopyTo(new Span<byte>(values[0], (int)(nint)values[1]));
            return error;
        }
        module = _nextHandle++;
        _modules.Add(module, Marshal.PtrToStringUTF8((nint)image)!);
        return 0;
    }

    public int ModuleUnload(nint module) => _modules.Remove(module) ? LogInContext("ModuleUnload") : InvalidValue;

    public int ModuleGetFunction(out nint function, nint module, byte* name)
    {
        var entry = Marshal.PtrToStringUTF8((nint)name)!;
        function = _nextHandle++;
        var error = LogInContext($"ModuleGetFunction {entry}");
        if (error != 0)
            return error;
        if (!_modules[module].Contains($".entry {entry}(", StringComparison.Ordinal))
            return 500;
        _functions.Add(function, entry);
        _parameterBytes.Add(function, PtxSignature.Parse(_modules[module]));
        return 0;
    }

    public int LaunchKernel(nint function, uint gridX, uint gridY, uint gridZ, uint blockX, uint blockY, uint blockZ, uint sharedBytes, nint stream, void** parameters, void** extra)
    {
        var error = LogInContext($"LaunchKernel {_functions[function]}");
        if (error != 0)
            return error;
        if (gridX == 0 || gridY == 0 || gridY > 65535 || blockX > 1024 || !_handles.Contains(stream))
            return InvalidValue;
        var words = new List<ulong>();
        var sizes = _parameterBytes[function];
        for (var i = 0; i < sizes.Length; i++)
        {
            words.Add(sizes[i] == 4 ? *(uint*)parameters[i] : *(ulong*)parameters[i]);
            if (sizes[i] == 16)
            {
                words.Add(((ulong*)parameters[i])[1]);
                // A kernel would read or write there.
                if (!IsMemory(words[^2], 1))
                    return IllegalAddress;
            }
        }
        Launches.Add((_functions[function], gridX, gridY, blockX, [.. words], stream));
        if (behind is not null)
            Launch(behind, GpuKernels.All.Single(kernel => kernel.EntryPoint == _functions[function]), (int)gridX, (int)gridY, sizes, words);
        return 0;
    }

    public int MemGetInfo(out nuint free, out nuint total)
    {
        free = (nuint)(Capacity - AllocatedBytes);
        total = (nuint)Capacity;
        return LogInContext("MemGetInfo");
    }

    public int MemAlloc(out ulong pointer, nuint bytes)
    {
        pointer = 0;
        var error = LogInContext($"MemAlloc {bytes}");
        if (error != 0)
            return error;
        if (bytes == 0)
            return InvalidValue;
        if (AllocatedBytes + (long)bytes > Capacity)
            return OutOfMemory;
        pointer = behind?.Allocate((long)bytes).Address ?? _nextAddress;
        _memory.Add(pointer, (long)bytes);
        _nextAddress += ((ulong)bytes + 511) / 256 * 256;
        return 0;
    }

    public int MemFree(ulong pointer)
    {
        var error = LogInContext("MemFree");
        if (error != 0 || !_memory.Remove(pointer))
            return error != 0 ? error : InvalidValue;
        behind?.Free(new DevicePointer(pointer));
        return 0;
    }

    public int MemHostAlloc(out nint pointer, nuint bytes, uint flags)
    {
        pointer = 0;
        var error = LogInContext($"MemHostAlloc {bytes}");
        if (error != 0)
            return error;
        pointer = (nint)NativeMemory.Alloc(bytes);
        _pinned.Add(pointer);
        return 0;
    }

    public int MemFreeHost(nint pointer)
    {
        if (!_pinned.Remove(pointer))
            return InvalidValue;
        NativeMemory.Free((void*)pointer);
        return LogInContext("MemFreeHost");
    }

    public int MemcpyHtoDAsync(ulong destination, void* source, nuint bytes, nint stream)
    {
        var error = LogInContext($"MemcpyHtoDAsync {bytes} on {StreamName(stream)}");
        if (error != 0 || !IsMemory(destination, (long)bytes))
            return error != 0 ? error : InvalidValue;
        behind?.Upload((byte*)source, new DevicePointer(destination), (long)bytes, GpuStream.Compute);
        return 0;
    }

    public int MemcpyDtoHAsync(void* destination, ulong source, nuint bytes, nint stream)
    {
        var error = LogInContext($"MemcpyDtoHAsync {bytes}");
        if (error != 0 || !IsMemory(source, (long)bytes))
            return error != 0 ? error : InvalidValue;
        if (behind is null)
            new Span<byte>(destination, (int)bytes).Clear();
        else
            behind.Download(new DevicePointer(source), (byte*)destination, (long)bytes);
        return 0;
    }

    public int MemcpyDtoDAsync(ulong destination, ulong source, nuint bytes, nint stream)
    {
        var error = LogInContext($"MemcpyDtoDAsync {bytes}");
        if (error != 0 || !IsMemory(destination, (long)bytes) || !IsMemory(source, (long)bytes))
            return error != 0 ? error : InvalidValue;
        behind?.Copy(new DevicePointer(source), new DevicePointer(destination), (long)bytes);
        return 0;
    }

    public int MemsetD8Async(ulong destination, byte value, nuint count, nint stream) =>
        LogInContext($"MemsetD8Async {count}") is var error and not 0 ? error : IsMemory(destination, (long)count) ? 0 : InvalidValue;

    public int StreamCreate(out nint stream, uint flags)
    {
        stream = _nextHandle++;
        var error = LogInContext($"StreamCreate {flags}");
        if (error == 0)
        {
            _handles.Add(stream);
            _streams.Add(stream);
        }
        return error;
    }

    public int StreamDestroy(nint stream) => _handles.Remove(stream) ? LogInContext("StreamDestroy") : InvalidValue;

    public int StreamSynchronize(nint stream) => _handles.Contains(stream) ? LogInContext("StreamSynchronize") : InvalidValue;

    public int StreamWaitEvent(nint stream, nint moment, uint flags) => _handles.Contains(moment) ? LogInContext($"StreamWaitEvent {StreamName(stream)}") : InvalidValue;

    public int EventCreate(out nint moment, uint flags)
    {
        moment = _nextHandle++;
        var error = LogInContext("EventCreate");
        if (error == 0)
            _handles.Add(moment);
        return error;
    }

    public int EventDestroy(nint moment) => _handles.Remove(moment) ? LogInContext("EventDestroy") : InvalidValue;

    public int EventRecord(nint moment, nint stream) => LogInContext($"EventRecord {StreamName(stream)}");

    public int GetErrorName(int error, out nint name)
    {
        name = _errorName;
        return 0;
    }

    public int GetErrorString(int error, out nint text)
    {
        text = _errorText;
        return 0;
    }

    private string StreamName(nint stream) => _streams.IndexOf(stream) switch { 0 => "compute", 1 => "copy", _ => "no stream" };

    /// <summary>Passes a launch on. The kernel's parameters say what the words are.</summary>
    private static void Launch(HostDevice device, GpuKernel kernel, int gridX, int gridY, int[] sizes, List<ulong> words)
    {
        var parameters = KernelSources.PortableOf(kernel).GetParameters();
        var arguments = new KernelArgument[sizes.Length];
        for (int i = 0, word = 0; i < sizes.Length; i++)
        {
            arguments[i] = (sizes[i], parameters[i].ParameterType) switch
            {
                (16, _) => KernelArgument.View(new DevicePointer(words[word++]), (long)words[word]),
                (8, var type) when type == typeof(double) => BitConverter.UInt64BitsToDouble(words[word]),
                (8, _) => KernelArgument.Address(new DevicePointer(words[word])),
                (_, var type) when type == typeof(float) => BitConverter.UInt32BitsToSingle((uint)words[word]),
                _ => (int)(uint)words[word],
            };
            word++;
        }
        device.Launch(kernel, gridX, gridY, arguments);
    }

    // Behind a device is memory that this driver has not given out: llama.cpp's.
    private bool IsMemory(ulong address, long bytes) => behind is not null || _memory.Any(block => address >= block.Key && address + (ulong)bytes <= block.Key + (ulong)block.Value);

    private int LogInContext(string call)
    {
        var error = Log(call);
        return CurrentContext == PrimaryContext ? error : InvalidContext;
    }

    private int Log(string call)
    {
        Calls.Add(call);
        var name = call.Split(' ')[0];
        if (!_failures.TryGetValue(name, out var failure))
            return 0;
        _failures[name] = (failure.After - 1, failure.Error);
        return failure.After <= 0 ? failure.Error : 0;
    }
}
