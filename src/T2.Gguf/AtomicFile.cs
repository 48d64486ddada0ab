namespace T2.Gguf;

/// <summary>Writes whole files so that a reader sees the old content or the new, never a part, whatever fails on the way.</summary>
public static class AtomicFile
{
    /// <summary>
    /// Writes a file: into a temporary one in the same directory, flushed to disk, then renamed over <paramref name="path"/>.
    /// If anything fails the temporary file is removed and an existing <paramref name="path"/> stays as it was.
    /// </summary>
    /// <param name="path">The file to make or replace.</param>
    /// <param name="write">Writes the content; the stream is seekable, starts empty, and belongs to this method.</param>
    /// <exception cref="IOException">Writing or renaming failed. Other exceptions come from <paramref name="write"/> unchanged.</exception>
    /// <exception cref="UnauthorizedAccessException">The directory may not be written to, or <paramref name="path"/> is a directory.</exception>
    public static void Write(string path, Action<Stream> write)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(write);
        var target = Path.GetFullPath(path);
        var directory = Path.GetDirectoryName(target) ?? throw new IOException($"{path} is a root directory, not a file.");
        if (Directory.Exists(target))
            throw new UnauthorizedAccessException($"{path} is a directory.");
        // A short name of its own: the target's may already be as long as the file system allows.
        var temporary = Path.Combine(directory, $".t2-{Guid.NewGuid():N}.tmp");
        try
        {
            using (var stream = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 1 << 16))
            {
                write(stream);
                stream.Flush(flushToDisk: true);
            }
            File.Move(temporary, target, overwrite: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
        RegularFile.FlushDirectory(directory);
    }
}
