namespace T2.Cli;

/// <summary>The small model that comes with t2, beside the program. 'recipes/' makes it.</summary>
internal static class BundledModel
{
    private static string Folder => Path.Combine(AppContext.BaseDirectory, "bundled");

    /// <summary>The base model.</summary>
    internal static string ModelPath => Existing(Path.Combine(Folder, "t2-mini.gguf"));

    /// <summary>The folder of its experts, the classification expert among them.</summary>
    internal static string ExpertsPath => Path.Combine(Folder, "experts");

    /// <summary>Questions that show what the experts do.</summary>
    internal static string QuestionsPath => Existing(Path.Combine(Folder, "demonstration.jsonl"));

    private static string Existing(string path) =>
        File.Exists(path) ? path : throw new UsageException($"This t2 came without its bundled model ({path} is missing); name a model with --model.");
}
