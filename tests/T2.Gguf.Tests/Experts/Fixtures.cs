using System.Text.Json;
using T2.TestKit;

namespace T2.Gguf.Tests.Experts;

/// <summary>Checkpoints made by PyTorch, and what PyTorch says is in them (see Fixtures/make_fixtures.py).</summary>
internal static class Fixtures
{
    private static readonly Lazy<JsonDocument> s_expected = new(() => JsonDocument.Parse(File.ReadAllText(Path("expected.json"))));

    public static JsonElement Expected => s_expected.Value.RootElement;

    public static string Path(string name) => System.IO.Path.Combine(RepositoryRoot.Path, "tests", "T2.Gguf.Tests", "Fixtures", name);
}
