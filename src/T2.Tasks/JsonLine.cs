using System.Text.Json;

namespace T2.Tasks;

/// <summary>One object of a file of JSON lines; what it lacks or has wrong is reported with file and line.</summary>
internal sealed class JsonLine(string path, int number, JsonElement value)
{
    /// <summary>The line, from 1.</summary>
    public int Number => number;

    public TaskFileException Problem(string problem) => new(path, number, problem);

    public bool Has(string name) => value.TryGetProperty(name, out _);

    public string Text(string name) => OptionalText(name) ?? throw Problem($"'{name}' is missing.");

    /// <summary>A text; a number counts as its own text. Null when the member is missing or null.</summary>
    public string? OptionalText(string name) => Find(name) is { } found ? TextOf(found, $"'{name}'") : null;

    public IReadOnlyList<string>? OptionalTexts(string name)
    {
        if (Find(name) is not { } found)
            return null;
        if (found.ValueKind != JsonValueKind.Array)
            throw Problem($"'{name}' must be an array of texts.");
        return [.. found.EnumerateArray().Select((element, index) => TextOf(element, $"'{name}[{index}]'"))];
    }

    public int? OptionalWhole(string name, int minimum)
    {
        if (Find(name) is not { } found)
            return null;
        return found.ValueKind == JsonValueKind.Number && found.TryGetInt32(out int whole) && whole >= minimum
            ? whole
            : throw Problem($"'{name}' must be a whole number of at least {minimum}.");
    }

    /// <summary>An object within this one; null when the member is missing or no object.</summary>
    public JsonLine? Child(string name) => Find(name) is { ValueKind: JsonValueKind.Object } found ? new JsonLine(path, number, found) : null;

    /// <summary>The objects of an array; null when the member is missing or no array of objects.</summary>
    public IReadOnlyList<JsonLine>? Children(string name) =>
        Find(name) is { ValueKind: JsonValueKind.Array } found && found.EnumerateArray().All(static element => element.ValueKind == JsonValueKind.Object)
            ? [.. found.EnumerateArray().Select(element => new JsonLine(path, number, element))]
            : null;

    private JsonElement? Find(string name) => value.TryGetProperty(name, out var found) && found.ValueKind != JsonValueKind.Null ? found : null;

    private string TextOf(JsonElement element, string what)
    {
        if (element.ValueKind == JsonValueKind.Number)
            return element.GetRawText();
        if (element.ValueKind != JsonValueKind.String)
            throw Problem($"{what} must be a text.");
        try
        {
            return element.GetString()!;
        }
        catch (InvalidOperationException exception)
        {
            throw new TaskFileException(path, number, $"{what} is not valid UTF-8.", exception);
        }
    }
}
