namespace T2.TestKit;

/// <summary>One tensor of a synthetic model before it has a type.</summary>
/// <param name="Name">llama.cpp's name.</param>
/// <param name="RowLength">Values per row: inputs of the matrix (<c>ne[0]</c>).</param>
/// <param name="Rows">Outputs of the matrix (<c>ne[1]</c>); 0 for a vector.</param>
/// <param name="Mean">Added to every value: 1 for norms.</param>
/// <param name="Deviation">Standard deviation of the values.</param>
public sealed record SyntheticTensor(string Name, int RowLength, int Rows, float Mean, float Deviation)
{
    /// <summary>Spread of the logits: enough that some tokens are clearly likelier than others.</summary>
    private const float LogitDeviation = 3f;

    /// <summary>Whether it is a norm or a bias, not a matrix.</summary>
    public bool IsVector => Rows == 0;

    /// <summary>Every tensor of <paramref name="spec"/>, in the order of the file.</summary>
    /// <param name="spec">A valid spec.</param>
    /// <param name="vocabularySize">Number of tokens.</param>
    public static IEnumerable<SyntheticTensor> Of(SyntheticModelSpec spec, int vocabularySize)
    {
        var embedding = spec.Embedding;
        var keyValue = spec.HeadSize * spec.KvHeads;
        var vocabularyDeviation = LogitDeviation / MathF.Sqrt(embedding);

        yield return new("token_embd.weight", embedding, vocabularySize, 0, vocabularyDeviation);
        for (var layer = 0; layer < spec.Layers; layer++)
        {
            var block = $"blk.{layer}.";
            yield return Norm(block + "attn_norm.weight");
            if (spec.Architecture == "phi3")
            {
                yield return Matrix(block + "attn_qkv.weight", embedding, embedding + 2 * keyValue);
            }
            else
            {
                yield return Matrix(block + "attn_q.weight", embedding, embedding);
                yield return Matrix(block + "attn_k.weight", embedding, keyValue);
                yield return Matrix(block + "attn_v.weight", embedding, keyValue);
            }
            if (spec.Architecture == "qwen2")
            {
                yield return Bias(block + "attn_q.bias", embedding);
                yield return Bias(block + "attn_k.bias", keyValue);
                yield return Bias(block + "attn_v.bias", keyValue);
            }
            yield return Matrix(block + "attn_output.weight", embedding, embedding);
            yield return Norm(block + "ffn_norm.weight");
            if (spec.Architecture == "phi3")
            {
                yield return Matrix(block + "ffn_up.weight", embedding, 2 * spec.FeedForward);
            }
            else
            {
                yield return Matrix(block + "ffn_gate.weight", embedding, spec.FeedForward);
                yield return Matrix(block + "ffn_up.weight", embedding, spec.FeedForward);
            }
            yield return Matrix(block + "ffn_down.weight", spec.FeedForward, embedding);
        }
        yield return Norm("output_norm.weight");
        if (!spec.TieEmbeddings)
            yield return new("output.weight", embedding, vocabularySize, 0, vocabularyDeviation);

        SyntheticTensor Norm(string name) => new(name, embedding, 0, 1, 0.1f);
        static SyntheticTensor Bias(string name, int length) => new(name, length, 0, 0, 0.1f);
        static SyntheticTensor Matrix(string name, int inputs, int outputs) => new(name, inputs, outputs, 0, 1 / MathF.Sqrt(inputs));
    }
}
