using System.Text.Json.Serialization;

namespace T2.Runtime.Search;

/// <summary>All that a search knows between two generations. Numbers are written so that they read back bit for bit.</summary>
internal sealed record CrossEntropyState(CrossEntropyOptions Options, int Generation, double[] Mean, double[] Deviation, double[] Best, double? BestFitness, double? BestTieBreak);

/// <summary>JSON without reflection.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(CrossEntropyState))]
internal sealed partial class CrossEntropyJson : JsonSerializerContext;
