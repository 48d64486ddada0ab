namespace T2.Tasks;

/// <summary>A task file is missing or malformed. The message names the file, the line where there is one, and what was wrong.</summary>
public sealed class TaskFileException : Exception
{
    /// <summary>Makes an exception whose message is "<paramref name="path"/>:<paramref name="line"/>: <paramref name="problem"/>".</summary>
    /// <param name="path">The file.</param>
    /// <param name="line">The line, from 1; null when it is none in particular.</param>
    /// <param name="problem">What was wrong, one sentence.</param>
    /// <param name="innerException">The cause, if another exception was.</param>
    public TaskFileException(string path, int? line, string problem, Exception? innerException = null)
        : base(line is null ? $"{path}: {problem}" : $"{path}:{line}: {problem}", innerException)
    {
        FilePath = path;
        Line = line;
    }

    /// <summary>The file at fault.</summary>
    public string FilePath { get; }

    /// <summary>The line, from 1, if it is one in particular.</summary>
    public int? Line { get; }
}
