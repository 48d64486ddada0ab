using System.Text;

namespace T2.Kernels.Gpu.Driver;

/// <summary>The kernels of one context: the driver translates each one's PTX for its GPU when it is first launched, and caches that on disk itself.</summary>
internal sealed unsafe class CudaModules(ICudaDriver driver)
{
    private const int ErrorLogBuffer = 5;
    private const int ErrorLogBufferBytes = 6;
    private const int LogLength = 8192;

    private readonly Dictionary<GpuKernel, Kernel> _kernels = [];

    /// <summary>Handle of a kernel; its arguments must be of the sizes its PTX declares.</summary>
    public nint Load(GpuKernel kernel, ReadOnlySpan<KernelArgument> arguments, Action<int, string> check)
    {
        if (!_kernels.TryGetValue(kernel, out var loaded))
            _kernels.Add(kernel, loaded = Load(kernel, check));
        if (arguments.Length != loaded.ParameterBytes.Length)
            throw new ArgumentException($"{kernel} takes {loaded.ParameterBytes.Length} arguments, not {arguments.Length}.", nameof(arguments));
        for (var i = 0; i < arguments.Length; i++)
        {
            if (PtxSignature.SizeOf(arguments[i]) != loaded.ParameterBytes[i])
                throw new ArgumentException($"Argument {i} of {kernel} takes {loaded.ParameterBytes[i]} bytes, but is a {arguments[i].Kind}.", nameof(arguments));
        }
        return loaded.Function;
    }

    /// <summary>Unloads everything. Errors are not reported: the context may be beyond repair.</summary>
    public void Unload()
    {
        foreach (var kernel in _kernels.Values)
            driver.ModuleUnload(kernel.Module);
        _kernels.Clear();
    }

    private Kernel Load(GpuKernel kernel, Action<int, string> check)
    {
        var ptx = PtxFiles.Read(kernel);
        var log = stackalloc byte[LogLength];
        log[0] = 0;
        var options = stackalloc int[] { ErrorLogBuffer, ErrorLogBufferBytes };
        var values = stackalloc void*[] { log, (void*)LogLength };
        nint module;
        int error;
        fixed (byte* image = Terminated(ptx))
            error = driver.ModuleLoadDataEx(out module, image, 2, options, values);
        if (error != 0)
        {
            var length = new ReadOnlySpan<byte>(log, LogLength).IndexOf((byte)0);
            check(error, $"cuModuleLoadDataEx of {kernel}{(length > 0 ? $" ({Encoding.UTF8.GetString(log, length).Trim()})" : "")}");
        }
        nint function;
        fixed (byte* name = Terminated(kernel.EntryPoint))
            error = driver.ModuleGetFunction(out function, module, name);
        if (error != 0)
        {
            driver.ModuleUnload(module);
            check(error, $"cuModuleGetFunction of {kernel.EntryPoint}");
        }
        return new Kernel(module, function, PtxSignature.Parse(ptx));
    }

    private static byte[] Terminated(string text) => Encoding.UTF8.GetBytes(text + '\0');

    private sealed record Kernel(nint Module, nint Function, int[] ParameterBytes);
}
