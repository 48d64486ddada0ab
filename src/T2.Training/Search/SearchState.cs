using System.Text.Json;
using System.Text.Json.Serialization;

namespace T2.Training;

/// <summary>A forward-only run's own part of its checkpoint. Numbers are written so that they read back bit for bit.</summary>
/// <param name="Search">State of the search.</param>
/// <param name="Best">The numbers of the best validation.</param>
internal sealed record SearchState(string Search, double[] Best)
{
    internal string Serialize() => JsonSerializer.Serialize(this, SearchStateJson.Default.SearchState);

    /// <exception cref="FormatException">The text is no such state.</exception>
    internal static SearchState Deserialize(string text)
    {
        try
        {
            return JsonSerializer.Deserialize(text, SearchStateJson.Default.SearchState) is { Search: not null, Best: not null } state
                ? state
                : throw new FormatException("the state of the search is incomplete.");
        }
        catch (JsonException exception)
        {
            throw new FormatException($"not the state of a search: {exception.Message}", exception);
        }
    }
}

/// <summary>JSON without reflection.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(SearchState))]
internal sealed partial class SearchStateJson : JsonSerializerContext;
