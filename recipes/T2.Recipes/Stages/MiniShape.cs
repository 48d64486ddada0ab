using T2.Training;

namespace T2.Recipes;

/// <summary>The bundled model's dimensions: rows of 256 and 512, so that every K-quant applies.</summary>
internal static class MiniShape
{
    /// <summary>The shape for a vocabulary.</summary>
    public static ModelShape For(int vocabularySize) => new()
    {
        VocabularySize = vocabularySize,
        Layers = 4,
        Embedding = 256,
        FeedForward = 512,
        Heads = 4,
        KvHeads = 2,
        Context = 1024,
    };
}
