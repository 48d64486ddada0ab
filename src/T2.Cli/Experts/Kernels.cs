using T2.Kernels;

namespace T2.Cli;

/// <summary>Kernels as the command line names them.</summary>
internal static class Kernels
{
    /// <exception cref="UsageException">There is no such kernel, or it cannot run here.</exception>
    internal static IWeightKernel Resolve(string? name)
    {
        try
        {
            return KernelRegistry.Resolve(name);
        }
        catch (Exception exception) when (exception is ArgumentException or InvalidOperationException)
        {
            throw new UsageException(Failure.WithoutParameter(exception));
        }
    }
}
