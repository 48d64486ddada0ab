using System.Text.Json;
using System.Text.Json.Serialization;
using T2.Gguf;

namespace T2.Runtime.Search;

/// <summary>What is kept of a few-shot search between generations.</summary>
/// <param name="Settings">What the search is of; another search's state is refused.</param>
/// <param name="Search">The state of the cross-entropy search.</param>
internal sealed record FewShotState(string Settings, string Search)
{
    /// <exception cref="FormatException">The file is damaged, or of another search.</exception>
    internal static CrossEntropySearch? TryLoad(string? path, string settings)
    {
        if (path is null || !File.Exists(path))
            return null;
        try
        {
            var state = JsonSerializer.Deserialize(File.ReadAllBytes(path), FewShotJson.Default.FewShotState);
            if (state is not { Settings: not null, Search: not null })
                throw new FormatException("it is incomplete");
            if (state.Settings != settings)
                throw new FormatException("it is of a search with other settings, shots, experts or weights");
            return CrossEntropySearch.Restore(state.Search);
        }
        catch (Exception exception) when (exception is JsonException or FormatException)
        {
            throw new FormatException($"{path}: not the state of this search: {exception.Message.TrimEnd('.')}. Delete it to begin anew.", exception);
        }
    }

    internal static void Save(string? path, string settings, CrossEntropySearch search)
    {
        if (path is not null)
            AtomicFile.Write(path, stream => JsonSerializer.Serialize(stream, new FewShotState(settings, search.Save()), FewShotJson.Default.FewShotState));
    }
}

/// <summary>JSON without reflection.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(FewShotState))]
internal sealed partial class FewShotJson : JsonSerializerContext;
