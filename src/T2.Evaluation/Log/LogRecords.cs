using System.Text.Json.Serialization;

namespace T2.Evaluation;

/// <summary>One answered item, as its line in the log.</summary>
/// <param name="Task">The task's name.</param>
/// <param name="Strategy">The strategy's name.</param>
/// <param name="Id">The item's id.</param>
/// <param name="Correct">Whether the answer is right; false for an item that failed.</param>
/// <param name="Answer">What the model said.</param>
/// <param name="Extracted">What the verifier took for its answer.</param>
/// <param name="Problem">Why there was nothing to judge, or what went wrong.</param>
/// <param name="Failed">Whether the item could not be answered or judged at all.</param>
/// <param name="Expert">For dispatched answers, the expert pass 1 chose, or "other".</param>
/// <param name="Confidence">For dispatched answers, pass 1's confidence.</param>
/// <param name="PromptTokens">Tokens of the prompt.</param>
/// <param name="Tokens">Tokens generated.</param>
/// <param name="Finish">Why the answer ended.</param>
public sealed record ItemRecord(
    string Task, string Strategy, string Id, bool Correct, string Answer, string? Extracted, string? Problem, bool Failed, string? Expert, double? Confidence,
    int PromptTokens, int Tokens, string Finish);

/// <summary>What a task, a strategy or the settings were when their first answer was logged.</summary>
internal sealed record IdentityRecord(string What, string Name, string Identity);

/// <summary>Seconds spent on a task by a strategy in one run.</summary>
internal sealed record TimeRecord(string Task, string Strategy, int Items, double Pass1, double Rebuild, double Pass2);

/// <summary>A line of the log: one of the three.</summary>
internal sealed record LogLine(ItemRecord? Item = null, IdentityRecord? Identity = null, TimeRecord? Time = null);

/// <summary>Source-generated serializers of the log and the report.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(LogLine))]
[JsonSerializable(typeof(EvaluationReport))]
internal sealed partial class EvaluationJson : JsonSerializerContext;
