using T2.TestKit;

namespace T2.Llama.Tests;

internal static class Models
{
    public const string Stories = "stories260Ktok512.gguf";
    public const string Tiny = "tiny1m-f16.gguf";

    public static string Path(string fileName)
    {
        string? path = SharedModels.TryFind(fileName);
        Skip.If(path is null, SharedModels.Missing);
        return path;
    }

    public static LlamaModel Load(string fileName, LlamaModelOptions? options = null) => LlamaModel.Load(Path(fileName), options);
}
