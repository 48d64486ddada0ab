using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using T2.Kernels.Gpu;
using T2.Kernels.Gpu.Compiler;

namespace T2.Gpu.Tests;

/// <summary>
/// A device whose memory is the host's, so that a library that is made up can compute in it, and tensors that llama.cpp has on the host can be taken for tensors
/// on it. Its kernels, if it has any, run on an OpenCL device: what they see is copied there and back.
/// </summary>
internal sealed unsafe class HostDevice(OpenClDevice? kernels = null) : IGpuDevice
{
    private readonly Dictionary<ulong, long> _memory = [];

    public string Name => "Host";

    public bool HasTensorCores => false;

    public (long Free, long Total) Memory => (Capacity - _memory.Values.Sum(), Capacity);

    /// <summary>Bytes there are.</summary>
    public long Capacity { get; set; } = 1L << 40;

    public int LiveBuffers => _memory.Count;

    /// <summary>Bytes that have come from the host.</summary>
    public long Uploaded { get; set; }

    /// <summary>Kernels launched.</summary>
    public int Launches { get; set; }

    /// <summary>Times it was waited for all that anyone has queued.</summary>
    public int Waits { get; set; }

    /// <summary>Calls that still succeed; then <see cref="Failures"/> of them fail.</summary>
    public int CallsBeforeFailure { get; set; } = int.MaxValue;

    /// <summary>Calls that fail once their time has come.</summary>
    public int Failures { get; set; }

    /// <summary>The call that failed first.</summary>
    public string? FirstFailed { get; set; }

    /// <summary>Whether what is queued is lost, which waiting for it tells: how a GPU fails whose context is broken.</summary>
    public bool IsBroken { get; set; }

    /// <summary>Called with each kernel that is launched, after it has run.</summary>
    public Action<GpuKernel>? Launched { get; set; }

    /// <summary>Kernels that are launched and do nothing.</summary>
    public Func<GpuKernel, bool>? Skipped { get; set; }

    /// <summary>What it gives for the bytes of its memory, where that is something else.</summary>
    public Func<byte, byte>? Misread { get; set; }

    public DevicePointer Allocate(long bytes)
    {
        if (bytes > Memory.Free)
            throw new GpuOutOfMemoryException($"{bytes} bytes are not to be had.");
        var pointer = new DevicePointer((ulong)NativeMemory.AlignedAlloc((nuint)bytes, 256));
        // As on a GPU, nothing may be counted on: NaN in every type.
        NativeMemory.Fill((void*)pointer.Address, (nuint)bytes, 0xFF);
        _memory.Add(pointer.Address, bytes);
        return pointer;
    }

    public void Free(DevicePointer pointer)
    {
        Assert.True(_memory.Remove(pointer.Address));
        NativeMemory.AlignedFree((void*)pointer.Address);
    }

    public nint AllocatePinned(long bytes) => (nint)Allocate(bytes).Address;

    public void FreePinned(nint pointer) => Free(new DevicePointer((ulong)pointer));

    public void Upload(byte* source, DevicePointer destination, long bytes, GpuStream stream)
    {
        Fail();
        Uploaded += bytes;
        if (!IsBroken)
            NativeMemory.Copy(source, (void*)destination.Address, (nuint)bytes);
    }

    public void Download(DevicePointer source, byte* destination, long bytes)
    {
        Fail();
        NativeMemory.Copy((void*)source.Address, destination, (nuint)bytes);
        if (Misread is null)
            return;
        foreach (ref var value in new Span<byte>(destination, (int)bytes))
            value = Misread(value);
    }

    public void Copy(DevicePointer source, DevicePointer destination, long bytes)
    {
        Fail();
        if (!IsBroken)
            NativeMemory.Copy((void*)source.Address, (void*)destination.Address, (nuint)bytes);
    }

    public void Clear(DevicePointer destination, long bytes) => NativeMemory.Clear((void*)destination.Address, (nuint)bytes);

    public void Launch(GpuKernel kernel, int gridX, int gridY, ReadOnlySpan<KernelArgument> arguments)
    {
        Fail();
        Launches++;
        if (IsBroken || Skipped?.Invoke(kernel) == true)
            return;
        var device = kernels ?? throw new NotSupportedException();
        var parameters = KernelSources.PortableOf(kernel).GetParameters();
        var there = new KernelArgument[arguments.Length];
        var views = new List<(DevicePointer Here, DevicePointer There, long Bytes)>();
        for (var i = 0; i < there.Length; i++)
        {
            there[i] = arguments[i];
            if (arguments[i].Kind is not (KernelArgumentKind.View or KernelArgumentKind.Address))
                continue;
            var view = (Here: new DevicePointer(arguments[i].Bits), There: DevicePointer.Null, Bytes: arguments[i].Length * Marshal.SizeOf(parameters[i].ParameterType.GetGenericArguments()[0]));
            if (arguments[i].Kind == KernelArgumentKind.Address)
                view.Bytes = BytesFrom(view.Here);
            view.There = device.Allocate(view.Bytes);
            device.Upload((byte*)view.Here.Address, view.There, view.Bytes, GpuStream.Compute);
            there[i] = arguments[i].Kind == KernelArgumentKind.Address ? KernelArgument.Address(view.There) : KernelArgument.View(view.There, arguments[i].Length);
            views.Add(view);
        }
        device.Launch(kernel, gridX, gridY, there);
        foreach (var view in views)
        {
            device.Download(view.There, (byte*)view.Here.Address, view.Bytes);
            device.Free(view.There);
        }
        Launched?.Invoke(kernel);
    }

    public GpuEvent Record(GpuStream stream) => default;

    public void Wait(GpuStream stream, GpuEvent moment)
    {
    }

    public void Synchronize()
    {
        Fail();
        if (IsBroken)
            throw new GpuException("The device is broken.");
    }

    public void WaitForOthers()
    {
        Synchronize();
        Waits++;
    }

    public void Dispose()
    {
    }

    /// <summary>What is left of the buffer that an address lies in.</summary>
    private long BytesFrom(DevicePointer pointer)
    {
        var (start, bytes) = _memory.Single(block => pointer.Address >= block.Key && pointer.Address < block.Key + (ulong)block.Value);
        return bytes - (long)(pointer.Address - start);
    }

    private void Fail([CallerMemberName] string call = "")
    {
        if (CallsBeforeFailure-- > 0 || Failures <= 0)
            return;
        Failures--;
        FirstFailed ??= call;
        throw new GpuException($"The device failed, as asked, in {call}.");
    }
}
