using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace T2.Evaluation;

public sealed partial record EvaluationReport
{
    /// <summary>How the report is written as JSON, names in snake_case.</summary>
    public static JsonTypeInfo<EvaluationReport> JsonType => EvaluationJson.Default.EvaluationReport;

    /// <summary>Writes report.json and report.html into a folder.</summary>
    /// <returns>Path of the page.</returns>
    /// <exception cref="IOException">A file cannot be written.</exception>
    public string Save(string folder)
    {
        ArgumentNullException.ThrowIfNull(folder);
        File.WriteAllText(Path.Combine(folder, "report.json"), JsonSerializer.Serialize(this, JsonType));
        string page = Path.Combine(folder, "report.html");
        File.WriteAllText(page, HtmlReport.Write(this));
        return page;
    }
}
