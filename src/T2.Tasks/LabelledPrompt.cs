namespace T2.Tasks;

/// <summary>A prompt with the name of the expert it needs, or "other".</summary>
/// <param name="Prompt">What a user asks.</param>
/// <param name="Label">The expert's name.</param>
public sealed record LabelledPrompt(string Prompt, string Label)
{
    /// <summary>
    /// Reads JSON lines with "prompt" and "label"; "category" serves as the label where there is none, and a first line with "task" instead of "prompt" is passed over, so
    /// that a task file whose categories name experts will do.
    /// </summary>
    /// <exception cref="TaskFileException">The file is missing, malformed or empty, or a line has no prompt or no label.</exception>
    public static IReadOnlyList<LabelledPrompt> Load(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        var prompts = new List<LabelledPrompt>();
        bool first = true;
        foreach (var line in JsonLines.Read(path))
        {
            bool header = first && line.Has("task") && !line.Has("prompt");
            first = false;
            if (header)
                continue;
            string? label = (line.OptionalText("label") ?? line.OptionalText("category"))?.Trim();
            prompts.Add(new LabelledPrompt(line.Text("prompt"), string.IsNullOrEmpty(label) ? throw line.Problem("'label' is missing.") : label));
        }
        return prompts.Count > 0 ? prompts : throw new TaskFileException(path, null, "the file has no prompts.");
    }
}
