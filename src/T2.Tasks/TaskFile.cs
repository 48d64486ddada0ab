using System.Text.Encodings.Web;
using System.Text.Json;

namespace T2.Tasks;

/// <summary>Reads and writes T2's own task files.</summary>
internal static class TaskFile
{
    /// <summary>Task files are for people too: letters of any script stay letters.</summary>
    internal static JsonWriterOptions Options { get; } = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static TaskSet Read(string path, string? verifierOverride)
    {
        string name = Path.GetFileNameWithoutExtension(JsonLines.IsCompressed(path) ? Path.GetFileNameWithoutExtension(path) : path);
        string? description = null;
        string spec = "exact";
        int maxTokens = TaskSet.DefaultMaxTokens;
        int verifierLine = 1;
        bool first = true;
        var format = PublicFormat.Own;
        var items = new List<TaskItem>();
        var lines = new List<int>();
        var seen = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var line in JsonLines.Read(path))
        {
            bool header = first && line.Has("task") && !line.Has("prompt");
            first = false;
            if (header)
            {
                name = line.Text("task");
                description = line.OptionalText("description");
                spec = line.OptionalText("verifier") ?? spec;
                verifierLine = line.Number;
                maxTokens = line.OptionalWhole("max_tokens", 1) ?? maxTokens;
                continue;
            }

            if (items.Count == 0)
            {
                format = PublicReader.FormatOf(line);
                if (format != PublicFormat.Own)
                    (spec, maxTokens) = PublicReader.Defaults(format);
            }
            var item = PublicReader.Read(line, format);
            if (!seen.TryAdd(item.Id, line.Number))
                throw line.Problem($"id '{item.Id}' is already that of line {seen[item.Id]}.");
            items.Add(item);
            lines.Add(line.Number);
        }

        if (items.Count == 0)
            throw new TaskFileException(path, null, "the file has no items.");
        spec = verifierOverride ?? spec;
        RequireFit(path, spec, verifierOverride is null ? verifierLine : null, items, lines);
        return new TaskSet(name, description, spec, maxTokens, items);
    }

    public static void Write(string path, TaskSet task)
    {
        string temporary = $"{path}.{Guid.NewGuid():N}.tmp";
        try
        {
            using (var stream = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write))
            {
                WriteLine(stream, json =>
                {
                    json.WriteString("task", task.Name);
                    if (task.Description is { } description)
                        json.WriteString("description", description);
                    json.WriteString("verifier", task.Verifier);
                    json.WriteNumber("max_tokens", task.MaxTokens);
                });
                foreach (var item in task.Items)
                    WriteLine(stream, json => WriteItem(json, item));
            }
            File.Move(temporary, path, overwrite: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }

    /// <summary>The item's members, as in a line of a task file.</summary>
    internal static void WriteItem(Utf8JsonWriter json, TaskItem item)
    {
        json.WriteString("id", item.Id);
        json.WriteString("prompt", item.Prompt);
        json.WriteString("answer", item.Answer);
        if (item.System is { } system)
            json.WriteString("system", system);
        if (item.Choices is { } choices)
        {
            json.WriteStartArray("choices");
            foreach (string choice in choices)
                json.WriteStringValue(choice);
            json.WriteEndArray();
        }
        if (item.Category is { } category)
            json.WriteString("category", category);
    }

    private static void WriteLine(Stream stream, Action<Utf8JsonWriter> members)
    {
        using (var json = new Utf8JsonWriter(stream, Options))
        {
            json.WriteStartObject();
            members(json);
            json.WriteEndObject();
        }
        stream.WriteByte((byte)'\n');
    }

    private static void RequireFit(string path, string spec, int? specLine, List<TaskItem> items, List<int> lines)
    {
        IVerifier verifier;
        try
        {
            verifier = Verifier.Create(spec);
        }
        catch (ArgumentException exception)
        {
            throw new TaskFileException(path, specLine, exception.Message, exception);
        }
        for (int index = 0; index < items.Count; index++)
        {
            if (verifier.Misfit(items[index]) is { } misfit)
                throw new TaskFileException(path, lines[index], $"verifier '{verifier.Name}' cannot judge this item: {misfit}");
        }
    }
}
