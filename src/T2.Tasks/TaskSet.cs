namespace T2.Tasks;

/// <summary>A task: questions, and how answers to them are judged.</summary>
/// <param name="Name">Short name for tables and files.</param>
/// <param name="Description">One line for people; may be null.</param>
/// <param name="Verifier">What judges an answer, as <see cref="Tasks.Verifier.Create"/> reads it.</param>
/// <param name="MaxTokens">The most tokens an answer needs.</param>
/// <param name="Items">The questions. Never empty; ids are unique.</param>
public sealed record TaskSet(string Name, string? Description, string Verifier, int MaxTokens, IReadOnlyList<TaskItem> Items)
{
    /// <summary>Answer length in tokens of a file that says none.</summary>
    public const int DefaultMaxTokens = 256;

    /// <summary>
    /// Reads a task file: JSON lines, one item each with "prompt" and "answer" and, if wanted, "id", "system", "choices" and "category". A first line with "task"
    /// instead of "prompt" is a header: "task" (the name), "description", "verifier" (default: exact) and "max_tokens". An item without an id gets its line's number.
    /// GSM8K, MATH, MBPP, HumanEval, ARC and MMLU are read as published, told by the members of their first line, with the verifier that suits them; files whose names
    /// end in .gz through gzip.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="verifier">Judges instead of the file's own verifier; null = the file's.</param>
    /// <exception cref="TaskFileException">The file is missing, malformed, empty, or an item's answer is nothing its verifier could compare with.</exception>
    public static TaskSet Load(string path, string? verifier = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return TaskFile.Read(path, verifier);
    }

    /// <summary>Writes a file that <see cref="Load"/> reads back as this task. An existing file is replaced whole or not at all.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    public void Save(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        TaskFile.Write(path, this);
    }
}
