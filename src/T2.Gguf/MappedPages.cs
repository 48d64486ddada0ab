using System.Runtime.InteropServices;

namespace T2.Gguf;

/// <summary>Memory of mapped files. A page that was read counts as this process's memory until it is let go of, whether or not anyone reads it again.</summary>
public static unsafe partial class MappedPages
{
    private const int AdviseRandom = 1;
    private const int AdviseDontNeed = 4;

    /// <summary>
    /// Lets go of the whole pages in a stretch of a mapped file. What they hold stays readable: from the system's file cache, or from disk. Does nothing where
    /// the system has no such call.
    /// </summary>
    /// <param name="start">First byte, in a view of a file mapped read-only; the bytes of any other memory would be lost.</param>
    /// <param name="length">Bytes.</param>
    public static void Release(byte* start, long length) => AdviseWholePages(start, length, AdviseDontNeed);

    /// <summary>As <see cref="Release"/>, for a stretch that nobody will read: reading its neighbours does not bring it back.</summary>
    /// <param name="start">As for <see cref="Release"/>.</param>
    /// <param name="length">Bytes.</param>
    public static void Retire(byte* start, long length)
    {
        // A fault maps what else of the mapping lies around the page (64 KiB, or the whole of a large page of the file's cache), up to where advice changes.
        AdviseWholePages(start, length, AdviseRandom);
        Release(start, length);
    }

    private static void AdviseWholePages(byte* start, long length, int advice)
    {
        if (!OperatingSystem.IsLinux())
            return;
        nuint page = (nuint)Environment.SystemPageSize;
        nuint first = ((nuint)start + page - 1) / page * page;
        nuint end = ((nuint)start + (nuint)length) / page * page;
        if (end > first)
            _ = Advise((void*)first, end - first, advice);
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(void* address, nuint length, int advice);
}
