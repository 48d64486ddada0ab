namespace T2.Gguf;

/// <summary>A GGUF (or expert, or checkpoint) file is malformed, unsupported or unreadable. The message names the file, the offset where there is one, and what was wrong.</summary>
public sealed class GgufException : Exception
{
    /// <summary>Makes an exception whose message is "<paramref name="filePath"/>, offset N: <paramref name="problem"/>", leaving out what is null.</summary>
    /// <param name="problem">What was wrong, one sentence.</param>
    /// <param name="filePath">The file, if known.</param>
    /// <param name="offset">Byte offset in the file where the problem lies, if one does.</param>
    /// <param name="innerException">The cause, if another exception was.</param>
    public GgufException(string problem, string? filePath = null, long? offset = null, Exception? innerException = null)
        : base(Describe(problem, filePath, offset), innerException)
    {
        FilePath = filePath;
        Offset = offset;
    }

    /// <summary>The file at fault, if known.</summary>
    public string? FilePath { get; }

    /// <summary>Byte offset in the file where the problem lies, if one does.</summary>
    public long? Offset { get; }

    private static string Describe(string problem, string? filePath, long? offset) => (filePath, offset) switch
    {
        (null, null) => problem,
        (null, _) => $"Offset {offset}: {problem}",
        (_, null) => $"{filePath}: {problem}",
        _ => $"{filePath}, offset {offset}: {problem}",
    };
}
