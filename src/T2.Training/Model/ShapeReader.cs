using T2.Gguf;

namespace T2.Training;

/// <summary>Reads a <see cref="ModelShape"/> from a GGUF file's metadata, and refuses what the engine would compute wrongly.</summary>
internal static class ShapeReader
{
    public const string RopeFactors = "rope_freqs.weight";

    public static ModelShape Read(GgufFile file)
    {
        var architecture = file.Architecture;
        if (architecture is not ("llama" or "qwen2"))
            throw new GgufException($"architecture \"{architecture}\" cannot be trained by gradients; these can: llama, qwen2.", file.Path);
        var metadata = file.Metadata;
        int Number(string key) => metadata.GetUInt32($"{architecture}.{key}") is var number and <= int.MaxValue ? (int)number : throw new GgufException($"{architecture}.{key} is out of range.", file.Path);
        int NumberOr(string key, int otherwise) => metadata.TryGetValue($"{architecture}.{key}", out _) ? Number(key) : otherwise;
        RefuseScaling(file, architecture);
        if (!file.TryGetTensor(TensorLayout.TokenEmbedding, out var embedding) || embedding.Dimensions.Count != 2)
            throw new GgufException($"tensor {TensorLayout.TokenEmbedding} is missing.", file.Path);
        var heads = Number("attention.head_count");
        var headSize = NumberOr("attention.key_length", 0);
        if (NumberOr("attention.value_length", headSize) != headSize)
            throw new GgufException("keys and values of different widths cannot be trained.", file.Path);
        var shape = new ModelShape
        {
            Architecture = architecture,
            VocabularySize = (int)embedding.Dimensions[1],
            Layers = Number("block_count"),
            Embedding = Number("embedding_length"),
            FeedForward = Number("feed_forward_length"),
            Heads = heads,
            KvHeads = NumberOr("attention.head_count_kv", heads),
            HeadSizeOrDefault = headSize,
            Context = Number("context_length"),
            RopeBase = metadata.TryGetDouble($"{architecture}.rope.freq_base", out var ropeBase) ? (float)ropeBase : 10_000f,
            RopeDimensionsOrDefault = NumberOr("rope.dimension_count", 0),
            RmsEpsilon = (float)metadata.GetDouble($"{architecture}.attention.layer_norm_rms_epsilon"),
            TiedEmbeddings = !file.TryGetTensor(TensorLayout.Output, out _),
            QkvBias = file.TryGetTensor(TensorLayout.InBlock(0, "attn_q.bias"), out _),
        };
        try
        {
            shape.Validate();
        }
        catch (ArgumentException e)
        {
            throw new GgufException(e.Message, file.Path, null, e);
        }
        return shape;
    }

    private static void RefuseScaling(GgufFile file, string architecture)
    {
        if (file.Metadata.TryGetString($"{architecture}.rope.scaling.type", out var scaling) && scaling != "none")
            throw new GgufException($"rotary scaling \"{scaling}\" is not one that can be trained.", file.Path);
        if (file.Metadata.TryGetUInt32($"{architecture}.expert_count", out var experts) && experts > 0)
            throw new GgufException($"a mixture of {experts} experts cannot be trained by gradients.", file.Path);
    }
}
