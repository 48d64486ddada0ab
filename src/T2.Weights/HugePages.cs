using System.Runtime.InteropServices;

namespace T2.Weights;

/// <summary>
/// Memory for weights, straight from the system: zeroed, aligned to 2 MB where it is that large, and given back as a whole. Decoding reads all of it for every
/// token, so it asks for huge pages: with 4 KiB pages address translation costs time.
/// </summary>
internal static unsafe partial class HugePages
{
    internal const int PageLength = 2 << 20;

    // From this size on the last huge page is filled up: it costs less than a tenth of the block.
    private const long RoundedFrom = 10L * PageLength;
    private const int SmallPageLength = 4096;

    private const int ReadWrite = 1 | 2;
    private const int PrivateAnonymous = 0x22;
    private const int AdviseHugePage = 14;
    private const int AdviseCollapse = 25;

    /// <summary>The length a block of at least <paramref name="length"/> bytes has.</summary>
    internal static long Rounded(long length)
    {
        long page = length >= RoundedFrom ? PageLength : SmallPageLength;
        return checked((length + page - 1) / page * page);
    }

    /// <summary>Allocates a block; free it with <see cref="Free"/>.</summary>
    /// <param name="length">As <see cref="Rounded"/> gives it.</param>
    /// <exception cref="InsufficientMemoryException">There is no memory for it.</exception>
    internal static byte* Allocate(long length)
    {
        if (!OperatingSystem.IsLinux())
            return (byte*)NativeMemory.AlignedAlloc(checked((nuint)length), SmallPageLength);
        // Mapped with room to spare, so that a 2 MB boundary lies in it; what is before and after the block is given back at once.
        nuint mapped = checked((nuint)length + PageLength);
        byte* start = Map(null, mapped, ReadWrite, PrivateAnonymous, -1, 0);
        if (start == (byte*)-1)
            throw new InsufficientMemoryException($"There is no memory for {length:N0} bytes of adapted weights.");
        byte* block = (byte*)(((nuint)start + PageLength - 1) / PageLength * PageLength);
        Trim(start, (nuint)(block - start));
        Trim(block + length, mapped - (nuint)length - (nuint)(block - start));
        // Advice only: where the system does not take it, the block works all the same.
        _ = Advise(block, (nuint)length, AdviseHugePage);
        return block;
    }

    /// <summary>Moves what the block has in small pages to huge ones, where the system can (Linux 6.1): at first use none may have been free.</summary>
    internal static void Collapse(byte* block, long length)
    {
        if (OperatingSystem.IsLinux() && length >= PageLength)
            _ = Advise(block, (nuint)length, AdviseCollapse);
    }

    /// <summary>Gives a block back to the system.</summary>
    internal static void Free(byte* block, long length)
    {
        if (!OperatingSystem.IsLinux())
            NativeMemory.AlignedFree(block);
        else if (block != null)
            Trim(block, (nuint)length);
    }

    private static void Trim(byte* start, nuint length)
    {
        if (length > 0)
            _ = Unmap(start, length);
    }

    [LibraryImport("libc", EntryPoint = "mmap")]
    private static partial byte* Map(void* address, nuint length, int protection, int flags, int file, long offset);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int Unmap(void* address, nuint length);

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(void* address, nuint length, int advice);
}
