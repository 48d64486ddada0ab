namespace T2.Kernels;

/// <summary>The kernels this build has, best first, each with the reason for its rank.</summary>
public static class KernelRegistry
{
}
