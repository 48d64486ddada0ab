namespace T2.Training;

/// <summary>Which tensors a model of a shape has, in the order they are written.</summary>
internal static class TensorLayout
{
    public const string TokenEmbedding = "token_embd.weight";
    public const string OutputNorm = "output_norm.weight";
    public const string Output = "output.weight";

    /// <summary>Name, rows and columns of every tensor; vectors have no rows.</summary>
    public static IEnumerable<(string Name, int? Rows, int Columns)> Of(ModelShape shape)
    {
        yield return (TokenEmbedding, shape.VocabularySize, shape.Embedding);
        for (var layer = 0; layer < shape.Layers; layer++)
        {
            yield return (InBlock(layer, "attn_norm.weight"), null, shape.Embedding);
            yield return (InBlock(layer, "attn_q.weight"), shape.QueryWidth, shape.Embedding);
            yield return (InBlock(layer, "attn_k.weight"), shape.KvWidth, shape.Embedding);
            yield return (InBlock(layer, "attn_v.weight"), shape.KvWidth, shape.Embedding);
            if (shape.QkvBias)
            {
                yield return (InBlock(layer, "attn_q.bias"), null, shape.QueryWidth);
                yield return (InBlock(layer, "attn_k.bias"), null, shape.KvWidth);
                yield return (InBlock(layer, "attn_v.bias"), null, shape.KvWidth);
            }
            yield return (InBlock(layer, "attn_output.weight"), shape.Embedding, shape.QueryWidth);
            yield return (InBlock(layer, "ffn_norm.weight"), null, shape.Embedding);
            yield return (InBlock(layer, "ffn_gate.weight"), shape.FeedForward, shape.Embedding);
            yield return (InBlock(layer, "ffn_up.weight"), shape.FeedForward, shape.Embedding);
            yield return (InBlock(layer, "ffn_down.weight"), shape.Embedding, shape.FeedForward);
        }
        yield return (OutputNorm, null, shape.Embedding);
        if (!shape.TiedEmbeddings)
            yield return (Output, shape.VocabularySize, shape.Embedding);
    }

    public static string InBlock(int layer, string name) => $"blk.{layer}.{name}";
}
