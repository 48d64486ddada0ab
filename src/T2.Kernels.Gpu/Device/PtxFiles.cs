using System.Text;

namespace T2.Kernels.Gpu;

/// <summary>The kernels' PTX, embedded in this assembly.</summary>
public static class PtxFiles
{
    /// <summary>PTX of a kernel: one entry point, <see cref="GpuKernel.EntryPoint"/>, for sm_80 and everything after.</summary>
    /// <exception cref="InvalidOperationException">The assembly was built without the kernel's PTX.</exception>
    public static string Read(GpuKernel kernel)
    {
        ArgumentNullException.ThrowIfNull(kernel);
        using var stream = typeof(PtxFiles).Assembly.GetManifestResourceStream($"ptx/{kernel.Name}.ptx")
            ?? throw new InvalidOperationException($"This build has no PTX of the kernel {kernel.Name}; run T2.Kernels.Gpu.Compiler.");
        using var reader = new StreamReader(stream, Encoding.UTF8);
        return reader.ReadToEnd();
    }
}
