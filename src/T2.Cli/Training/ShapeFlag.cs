using System.Globalization;
using T2.Training;

namespace T2.Cli;

/// <summary>A model's dimensions as typed: <c>layers=4,embedding=256,ffn=768,heads=4,kv=2,context=256</c>, each with a default.</summary>
internal static class ShapeFlag
{
    internal const string Example = "layers=4,embedding=256,ffn=768,heads=4,kv=2,context=256";

    /// <exception cref="UsageException">A part is no known dimension, or no positive number.</exception>
    internal static ModelShape Parse(string text)
    {
        var shape = new ModelShape { VocabularySize = 0, Layers = 4, Embedding = 256, FeedForward = 768, Heads = 4, KvHeads = 2, Context = 256 };
        foreach (string part in text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            string[] pair = part.Split('=', 2, StringSplitOptions.TrimEntries);
            if (pair.Length < 2 || !int.TryParse(pair[1], NumberStyles.None, CultureInfo.InvariantCulture, out int value) || value < 1)
                throw new UsageException($"'{part}' in --shape is not NAME=NUMBER; a shape is written {Example}.");
            shape = pair[0] switch
            {
                "layers" => shape with { Layers = value },
                "embedding" => shape with { Embedding = value },
                "ffn" => shape with { FeedForward = value },
                "heads" => shape with { Heads = value },
                "kv" => shape with { KvHeads = value },
                "context" => shape with { Context = value },
                _ => throw new UsageException($"A model has no dimension '{pair[0]}'; a shape is written {Example}."),
            };
        }
        try
        {
            (shape with { VocabularySize = 256 }).Validate();
            return shape;
        }
        catch (ArgumentException exception)
        {
            throw new UsageException($"--shape {text}: {Failure.WithoutParameter(exception)}");
        }
    }
}
