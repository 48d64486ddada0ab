using System.Reflection;
using System.Runtime.InteropServices;
using ILGPU;
using ILGPU.Backends.EntryPoints;
using ILGPU.Runtime;
using ILGPU.Runtime.OpenCL;
using T2.Kernels.Gpu;
using T2.Kernels.Gpu.Compiler;

namespace T2.Gpu.Tests;

/// <summary>
/// Runs the kernels through ILGPU's OpenCL back end, on PoCL where there is no GPU: the same code generator front end and optimiser that make the PTX, so
/// ILGPU's miscompilations show, which its CPU simulator (plain .NET) would hide. Addresses are made up: buffer number and offset.
/// </summary>
internal sealed unsafe class OpenClDevice : IGpuDevice
{
    private const int BufferShift = 40;

    private readonly Context _context;
    private readonly CLAccelerator _accelerator;
    private readonly Dictionary<string, Kernel> _kernels = new(StringComparer.Ordinal);
    private readonly Dictionary<ulong, MemoryBuffer1D<byte, Stride1D.Dense>> _buffers = [];
    private ulong _nextBuffer = 1;

    private OpenClDevice(Context context, CLAccelerator accelerator)
    {
        _context = context;
        _accelerator = accelerator;
    }

    public string Name => _accelerator.Name;

    /// <summary>The emulation stands in for them.</summary>
    public bool HasTensorCores => true;

    public (long Free, long Total) Memory => (_accelerator.MemorySize, _accelerator.MemorySize);

    public int LiveBuffers => _buffers.Count;

    /// <summary>A device, or why there is none.</summary>
    public static OpenClDevice? TryCreate(out string reason)
    {
        reason = "OpenCL is not installed (see .ci/install-gpu-tools.sh)";
        // Without the unversioned name ILGPU falls back to its simulator, silently.
        if (!NativeLibrary.TryLoad("libOpenCL.so", out var library))
            return null;
        NativeLibrary.Free(library);
        var context = Context.Create(static builder => builder.OpenCL(static _ => true).Optimize(OptimizationLevel.O2));
        if (context.GetCLDevices().Count == 0)
        {
            context.Dispose();
            reason = "there is no OpenCL device (see .ci/install-gpu-tools.sh)";
            return null;
        }
        var device = context.GetCLDevice(0);
        // ILGPU refuses PoCL for lack of a generic address space, which these kernels do not use.
        device.Capabilities.GetType().GetProperty("GenericAddressSpace")!.SetValue(device.Capabilities, true);
        return new OpenClDevice(context, device.CreateCLAccelerator(context));
    }

    public DevicePointer Allocate(long bytes)
    {
        var buffer = _nextBuffer++;
        // PoCL is strict about reads past the end of an empty buffer; nobody allocates one on purpose.
        var memory = _accelerator.Allocate1D<byte>(bytes);
        _buffers.Add(buffer, memory);
        // As on a GPU, nothing may be counted on: NaN in every type.
        if (bytes > 0)
            memory.View.BaseView.MemSet(0xFF);
        return new DevicePointer(buffer << BufferShift);
    }

    public void Free(DevicePointer pointer)
    {
        if (!_buffers.Remove(pointer.Address >> BufferShift, out var buffer))
            throw new ArgumentException($"{pointer} was not allocated.", nameof(pointer));
        _accelerator.Synchronize();
        buffer.Dispose();
    }

    public nint AllocatePinned(long bytes) => (nint)NativeMemory.Alloc((nuint)bytes);

    public void FreePinned(nint pointer) => NativeMemory.Free((void*)pointer);

    public void Upload(byte* source, DevicePointer destination, long bytes, GpuStream stream)
    {
        if (bytes > 0)
            View(destination, bytes).CopyFromCPU(ref *source, bytes);
    }

    public void Download(DevicePointer source, byte* destination, long bytes)
    {
        _accelerator.Synchronize();
        View(source, bytes).CopyToCPU(ref *destination, bytes);
    }

    public void Copy(DevicePointer source, DevicePointer destination, long bytes) => View(source, bytes).CopyTo(View(destination, bytes));

    public void Clear(DevicePointer destination, long bytes) => View(destination, bytes).MemSetToZero();

    public void Launch(GpuKernel kernel, int gridX, int gridY, ReadOnlySpan<KernelArgument> arguments)
    {
        var method = KernelSources.PortableOf(kernel);
        if (!_kernels.TryGetValue(kernel.Name, out var loaded))
        {
            var compiled = _accelerator.Backend.Compile(EntryPointDescription.FromExplicitlyGroupedKernel(method), KernelSpecialization.Empty);
            _kernels.Add(kernel.Name, loaded = _accelerator.LoadKernel(compiled));
        }
        var parameters = method.GetParameters();
        Assert.Equal(parameters.Length, arguments.Length);
        var values = new object[arguments.Length];
        for (var i = 0; i < values.Length; i++)
            values[i] = Value(arguments[i], parameters[i]);
        loaded.Launch(_accelerator.DefaultStream, new KernelConfig(new Index3D(gridX, gridY, 1), new Index3D(kernel.Threads, 1, 1)), values);
    }

    public GpuEvent Record(GpuStream stream) => default;

    public void Wait(GpuStream stream, GpuEvent moment)
    {
    }

    public void Synchronize() => _accelerator.Synchronize();

    public void WaitForOthers() => Synchronize();

    public void Dispose()
    {
        foreach (var buffer in _buffers.Values)
            buffer.Dispose();
        foreach (var kernel in _kernels.Values)
            kernel.Dispose();
        _accelerator.Dispose();
        _context.Dispose();
    }

    private object Value(KernelArgument argument, ParameterInfo parameter)
    {
        switch (argument.Kind)
        {
            case KernelArgumentKind.Int32:
                Assert.Equal(typeof(int), parameter.ParameterType);
                return argument.ToInt32();
            case KernelArgumentKind.Single:
                Assert.Equal(typeof(float), parameter.ParameterType);
                return argument.ToSingle();
            case KernelArgumentKind.Double:
                Assert.Equal(typeof(double), parameter.ParameterType);
                return argument.ToDouble();
            default:
                return TypedView(argument, parameter.ParameterType.GetGenericArguments()[0]);
        }
    }

    private object TypedView(KernelArgument argument, Type element)
    {
        var pointer = new DevicePointer(argument.Bits);
        // An address of a tensor-core kernel becomes a view of the rest of its buffer; a view must lie within its buffer.
        var bytes = argument.Kind == KernelArgumentKind.Address ? BytesFrom(pointer) : argument.Length * Marshal.SizeOf(element);
        var view = View(pointer, bytes);
        return element == typeof(byte) ? view
            : element == typeof(float) ? view.Cast<float>()
            : element == typeof(double) ? view.Cast<double>()
            : element == typeof(int) ? view.Cast<int>()
            : throw new NotSupportedException(element.Name);
    }

    private long BytesFrom(DevicePointer pointer) => _buffers[pointer.Address >> BufferShift].Length - Offset(pointer);

    private ArrayView<byte> View(DevicePointer pointer, long bytes) => _buffers[pointer.Address >> BufferShift].View.AsContiguous().SubView(Offset(pointer), bytes);

    private static long Offset(DevicePointer pointer) => (long)(pointer.Address & ((1UL << BufferShift) - 1));
}

/// <summary>One OpenCL device for all test classes that share it: making one takes longer than most tests.</summary>
public sealed class OpenClFixture : IDisposable
{
    private readonly OpenClDevice? _device;
    private readonly string _reason;

    public OpenClFixture() => _device = OpenClDevice.TryCreate(out _reason);

    /// <summary>The device; skips the test where there is none.</summary>
    internal OpenClDevice Device
    {
        get
        {
            Skip.If(_device is null, _reason);
            return _device;
        }
    }

    public void Dispose() => _device?.Dispose();
}

[CollectionDefinition(Name)]
public sealed class OpenClCollection : ICollectionFixture<OpenClFixture>
{
    public const string Name = "OpenCL";
}
