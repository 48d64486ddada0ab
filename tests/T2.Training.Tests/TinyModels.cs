namespace T2.Training.Tests;

/// <summary>Small random models whose weights are large enough that every gradient is well above rounding.</summary>
internal static class TinyModels
{
    public static readonly ModelShape Llama = new()
    {
        VocabularySize = 29,
        Layers = 2,
        Embedding = 12,
        FeedForward = 20,
        Heads = 3,
        KvHeads = 1,
        Context = 64,
    };

    public static readonly ModelShape LlamaUntied = Llama with { TiedEmbeddings = false, Heads = 2, KvHeads = 2, HeadSizeOrDefault = 8, RopeDimensionsOrDefault = 4 };

    public static readonly ModelShape Qwen2 = Llama with { Architecture = "qwen2", QkvBias = true, Heads = 6, KvHeads = 3 };

    public static readonly ModelShape Qwen2Untied = Qwen2 with { TiedEmbeddings = false, RopeBase = 100f };

    /// <summary>Dimensions that no vector or tile divides, and more rows than one block.</summary>
    public static readonly ModelShape Awkward = new()
    {
        Architecture = "qwen2",
        QkvBias = true,
        VocabularySize = 101,
        Layers = 2,
        Embedding = 35,
        FeedForward = 77,
        Heads = 5,
        KvHeads = 1,
        HeadSizeOrDefault = 14,
        RopeDimensionsOrDefault = 10,
        Context = 300,
        TiedEmbeddings = false,
    };

    public static TheoryData<string> Names => ["llama", "llama-untied", "qwen2", "qwen2-untied", "awkward"];

    public static ModelShape Named(string name) => name switch
    {
        "llama" => Llama,
        "llama-untied" => LlamaUntied,
        "qwen2" => Qwen2,
        "qwen2-untied" => Qwen2Untied,
        _ => Awkward,
    };

    public static TrainingModel Create(ModelShape shape, ulong seed = 7)
    {
        var model = TrainingModel.CreateRandom(shape, seed);
        var random = new Random(11);
        foreach (var tensor in model.Tensors)
        {
            for (var i = 0; i < tensor.Values.Length; i++)
                tensor.Values[i] = tensor.IsVector ? tensor.Values[i] + 0.3f * random.NextSingle() : tensor.Values[i] * 15;
        }
        return model;
    }

    /// <summary>Sequences of the given lengths; every fifth position has no target, weights have both signs.</summary>
    public static PackedBatch Batch(ModelShape shape, int seed, params int[] lengths)
    {
        var random = new Random(seed);
        var count = lengths.Sum();
        var starts = new int[lengths.Length + 1];
        for (var s = 0; s < lengths.Length; s++)
            starts[s + 1] = starts[s] + lengths[s];
        return new PackedBatch(
            [.. Enumerable.Range(0, count).Select(_ => random.Next(shape.VocabularySize))],
            starts,
            [.. Enumerable.Range(0, count).Select(t => t % 5 == 3 ? -1 : random.Next(shape.VocabularySize))],
            [.. Enumerable.Range(0, count).Select(_ => random.NextSingle() * 2 - 0.7f)]);
    }
}
