using System.Text.Json.Nodes;
using T2.TestKit;

namespace T2.Cli.Tests;

internal static class JsonOutput
{
    /// <summary>The one JSON object on stdout.</summary>
    internal static JsonObject Json(this TestProcessResult result) => JsonNode.Parse(Assert.Single(result.StandardOutput.TrimEnd('\n').Split('\n')))!.AsObject();
}
