using System.Runtime.InteropServices;

namespace T2.Weights;

/// <summary>Memory for weights. Decoding reads all of it for every token, so a large block asks for huge pages: with 4 KiB pages address translation costs time.</summary>
internal static unsafe partial class HugePages
{
    private const int PageLength = 2 << 20;
    private const int AdviseHugePage = 14;

    /// <summary>Allocates a block; free it with <see cref="NativeMemory.AlignedFree"/>.</summary>
    /// <exception cref="OutOfMemoryException">There is no memory for it.</exception>
    internal static byte* Allocate(long length)
    {
        // 64 bytes is more than any CPU kernel of ggml asks for (GGML_MEM_ALIGN 16, TENSOR_ALIGNMENT 32).
        if (length < PageLength)
            return (byte*)NativeMemory.AlignedAlloc(checked((nuint)length), 64);
        byte* block = (byte*)NativeMemory.AlignedAlloc(checked((nuint)length), PageLength);
        // Advice only: where the system does not take it, the block works all the same.
        if (OperatingSystem.IsLinux())
            _ = Advise(block, (nuint)length, AdviseHugePage);
        return block;
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(void* address, nuint length, int advice);
}
