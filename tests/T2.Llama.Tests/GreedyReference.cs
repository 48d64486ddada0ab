using System.Text.Json;
using System.Text.Json.Serialization;
using T2.TestKit;

namespace T2.Llama.Tests;

/// <summary>Tokens and logits of an independent numpy run, from reference_greedy.json beside the shared models.</summary>
internal sealed record GreedyReference(
    [property: JsonPropertyName("prompt_ids")] int[] Prompt,
    [property: JsonPropertyName("greedy_ids")] int[] Greedy,
    [property: JsonPropertyName("text")] string Text,
    [property: JsonPropertyName("top5_logits")] double[][][] Top5)
{
    public static GreedyReference Load(string name)
    {
        string? path = SharedModels.TryFind("reference_greedy.json");
        Skip.If(path is null, SharedModels.Missing);
        using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(path));
        return document.RootElement.GetProperty(name).Deserialize<GreedyReference>()!;
    }
}
