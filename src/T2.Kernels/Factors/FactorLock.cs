namespace T2.Kernels;

/// <summary>Lets one process at a time work on a factor file: a lock file held open with no sharing. The system releases it when the holder dies.</summary>
internal static class FactorLock
{
    private static readonly TimeSpan s_pollInterval = TimeSpan.FromMilliseconds(100);

    /// <summary>Takes the lock, waiting for whoever has it. Disposing the result releases it and removes the lock file.</summary>
    /// <param name="path">Path of the lock file.</param>
    /// <param name="waiting">Called once, if it has to wait.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    /// <exception cref="FactorStoreException">The lock file cannot be made.</exception>
    public static IDisposable Acquire(string path, Action waiting, CancellationToken cancellation)
    {
        for (var waited = false; ;)
        {
            cancellation.ThrowIfCancellationRequested();
            try
            {
                // With DeleteOnClose .NET removes the file before it unlocks, and checks after locking that the file still is the one at the path.
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 1, FileOptions.DeleteOnClose);
            }
            catch (IOException e) when (IsSharingViolation(e))
            {
                if (!waited)
                    waiting();
                waited = true;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw new FactorStoreException(path, $"the lock file cannot be made: {e.Message} Give the factor file a path in a folder that can be written to.", e);
            }
            cancellation.WaitHandle.WaitOne(s_pollInterval);
        }
    }

    private static bool IsSharingViolation(IOException e)
    {
        const int WindowsSharing = unchecked((int)0x80070020), LinuxWouldBlock = 11, MacWouldBlock = 35;
        return OperatingSystem.IsWindows() ? e.HResult == WindowsSharing : e.HResult == (OperatingSystem.IsLinux() ? LinuxWouldBlock : MacWouldBlock);
    }
}
