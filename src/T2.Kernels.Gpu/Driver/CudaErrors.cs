using System.Runtime.InteropServices;

namespace T2.Kernels.Gpu.Driver;

/// <summary>The driver's error numbers in words.</summary>
internal static class CudaErrors
{
    public const int OutOfMemory = 2;

    public static string Describe(ICudaDriver driver, int error)
    {
        var name = driver.GetErrorName(error, out var namePointer) == 0 ? Marshal.PtrToStringUTF8(namePointer) : null;
        var text = driver.GetErrorString(error, out var textPointer) == 0 ? Marshal.PtrToStringUTF8(textPointer) : null;
        return name is null ? $"error {error}" : $"{name} ({text})";
    }
}
