using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace T2.Gguf;

/// <summary>Opens files that must be regular ones. Opening a FIFO the ordinary way would wait for a writer for ever.</summary>
internal static partial class RegularFile
{
    private const int ReadOnly = 0;
    private static readonly int s_nonBlocking = OperatingSystem.IsLinux() ? 0x800 : 0x4;
    private static readonly int s_closeOnExec = OperatingSystem.IsLinux() ? 0x80000 : 0x1000000;

    /// <summary>Opens a file for reading.</summary>
    /// <exception cref="GgufException">It is absent, a directory, not a regular file, or may not be read.</exception>
    public static SafeFileHandle OpenRead(string path, out long length)
    {
        // The native call below would stop reading the path there, and open another file.
        if (path.Contains('\0'))
            throw new ArgumentException("A path cannot contain a zero character.", nameof(path));
        if (Directory.Exists(path))
            throw new GgufException("is a directory, not a file.", path);
        SafeFileHandle? handle = null;
        try
        {
            handle = OperatingSystem.IsWindows()
                ? File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete)
                : OpenUnix(path);
            length = RandomAccess.GetLength(handle);
            return handle;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            handle?.Dispose();
            throw new GgufException(e switch
            {
                FileNotFoundException or DirectoryNotFoundException => "no such file.",
                UnauthorizedAccessException => "permission denied.",
                NotSupportedException => "is not a regular file (a pipe, socket or device).",
                _ => $"cannot be opened: {e.Message}",
            }, path, null, e);
        }
    }

    /// <summary>
    /// Writes a directory's entries to disk, so that a rename in it survives a power cut. Does nothing on Windows, which has no such call, nor
    /// where the directory may be written but not read.
    /// </summary>
    public static void FlushDirectory(string path)
    {
        if (OperatingSystem.IsWindows())
            return;
        try
        {
            using var handle = OpenUnix(path);
            RandomAccess.FlushToDisk(handle);
        }
        catch (UnauthorizedAccessException)
        {
            // The file itself is complete and in place; only the promise about power cuts is weaker.
        }
    }

    private static SafeFileHandle OpenUnix(string path)
    {
        var descriptor = Open(path, ReadOnly | s_nonBlocking | s_closeOnExec);
        if (descriptor >= 0)
            return new SafeFileHandle(descriptor, ownsHandle: true);
        var error = Marshal.GetLastPInvokeError();
        const int NoEntry = 2, NoPermission = 1, AccessDenied = 13, NotDirectory = 20;
        throw error switch
        {
            NoEntry or NotDirectory => new FileNotFoundException("No such file.", path),
            NoPermission or AccessDenied => new UnauthorizedAccessException("Permission denied."),
            _ => new IOException(Marshal.GetPInvokeErrorMessage(error)),
        };
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);
}
