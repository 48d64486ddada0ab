using System.Runtime.InteropServices;

namespace T2.Bench;

/// <summary>A library of NVIDIA's that is compared with where it is installed: found by name, its functions by theirs, and never a dependency.</summary>
internal static class CudaLibrary
{
    /// <summary>Names that cuBLAS goes by, newest first.</summary>
    public static readonly string[] Blas = ["libcublas.so.13", "libcublas.so.12", "libcublas.so.11", "libcublas.so"];

    /// <summary>Names that cuSOLVER goes by, newest first: CUDA 13 has version 12 of it, CUDA 12 version 11.</summary>
    public static readonly string[] Solver = ["libcusolver.so.12", "libcusolver.so.11", "libcusolver.so"];

    /// <summary>Loads the first that is there; gives what finds a function in it by name, or null.</summary>
    public static Func<string, nint>? TryLoad(IEnumerable<string> names)
    {
        foreach (string name in names)
        {
            if (NativeLibrary.TryLoad(name, out nint library))
                return function => NativeLibrary.GetExport(library, function);
        }
        return null;
    }

    /// <summary>Throws where a call did not return 0.</summary>
    public static void Check(int status, string call)
    {
        if (status != 0)
            throw new InvalidOperationException($"{call} failed with status {status}.");
    }
}
