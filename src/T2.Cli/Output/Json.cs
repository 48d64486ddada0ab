using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace T2.Cli;

/// <summary>Results for scripts: one JSON object a line.</summary>
internal static class Json
{
    internal static void Write<T>(TextWriter writer, T report, JsonTypeInfo<T> type)
    {
        writer.WriteLine(JsonSerializer.Serialize(report, type));
        writer.Flush();
    }
}

/// <summary>Every object that <c>--json</c> writes. Names are snake_case and, once published, stay.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals)]
[JsonSerializable(typeof(AnswerReport))]
[JsonSerializable(typeof(ModelReport))]
[JsonSerializable(typeof(ExpertReport))]
[JsonSerializable(typeof(CheckpointReport))]
[JsonSerializable(typeof(KernelsReport))]
[JsonSerializable(typeof(FactorReport))]
[JsonSerializable(typeof(SearchReport))]
[JsonSerializable(typeof(TransferReport))]
[JsonSerializable(typeof(TrainingReport))]
[JsonSerializable(typeof(ClassifierReport))]
[JsonSerializable(typeof(BaseReport))]
[JsonSerializable(typeof(BenchmarkReport))]
[JsonSerializable(typeof(PlanReport))]
internal sealed partial class JsonReports : JsonSerializerContext;
