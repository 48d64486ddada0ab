using T2.Gguf;
using T2.Gguf.Quantization;

namespace T2.TestKit;

/// <summary>Writes complete GGUF models with random weights that llama.cpp loads and runs.</summary>
public static class SyntheticModel
{
    /// <summary>Values generated and quantised as one piece of work.</summary>
    private const int ChunkValues = 1 << 18;

    private const int ChunksPerBatch = 16;

    /// <summary>Writes the model that <paramref name="spec"/> describes; equal specs give equal bytes on every machine. Memory stays bounded whatever the model's size.</summary>
    /// <param name="path">File to write; replaced if it exists.</param>
    /// <param name="spec">What to write.</param>
    /// <exception cref="ArgumentException">The spec is not a possible model, or asks for a type that cannot be quantised to.</exception>
    /// <exception cref="IOException">Writing failed.</exception>
    public static void Write(string path, SyntheticModelSpec spec)
    {
        spec.Validate();
        var vocabulary = SyntheticVocabulary.Create(spec.Vocabulary, spec.VocabularySize);
        var writer = new GgufWriter();
        SetHyperparameters(writer, spec, vocabulary.Tokens.Count);
        SetTokenizer(writer, spec, vocabulary);
        foreach (var tensor in SyntheticTensor.Of(spec, vocabulary.Tokens.Count))
        {
            var type = tensor.IsVector ? TensorType.F32 : WeightTypes.Fit(spec.TypeOf(tensor.Name), tensor.RowLength);
            if (!Quantizer.CanQuantize(type))
                throw new ArgumentException($"Tensor '{tensor.Name}': {TensorTypes.Info(type).Name} cannot be quantised to.");
            ReadOnlySpan<long> dimensions = tensor.IsVector ? [tensor.RowLength] : [tensor.RowLength, tensor.Rows];
            writer.AddTensor(tensor.Name, type, dimensions, stream => WriteWeights(stream, tensor, type, spec.Seed));
        }
        writer.WriteTo(path);
    }

    private static void SetHyperparameters(GgufWriter writer, SyntheticModelSpec spec, int vocabularySize)
    {
        writer.SetMetadata("general.architecture", spec.Architecture);
        writer.SetMetadata("general.type", "model");
        writer.SetMetadata("general.name", spec.Name);
        writer.SetMetadata("general.description", "Random weights, for tests and benchmarks.");
        writer.SetMetadata("general.quantization_version", 2u);
        var prefix = spec.Architecture + ".";
        writer.SetMetadata(prefix + "context_length", (uint)spec.Context);
        writer.SetMetadata(prefix + "embedding_length", (uint)spec.Embedding);
        writer.SetMetadata(prefix + "block_count", (uint)spec.Layers);
        writer.SetMetadata(prefix + "feed_forward_length", (uint)spec.FeedForward);
        writer.SetMetadata(prefix + "attention.head_count", (uint)spec.Heads);
        writer.SetMetadata(prefix + "attention.head_count_kv", (uint)spec.KvHeads);
        writer.SetMetadata(prefix + "attention.layer_norm_rms_epsilon", 1e-6f);
        writer.SetMetadata(prefix + "rope.dimension_count", (uint)spec.HeadSize);
        writer.SetMetadata(prefix + "rope.freq_base", spec.RopeBase);
        writer.SetMetadata(prefix + "vocab_size", (uint)vocabularySize);
    }

    private static void SetTokenizer(GgufWriter writer, SyntheticModelSpec spec, SyntheticVocabulary vocabulary)
    {
        writer.SetMetadata("tokenizer.ggml.model", vocabulary.Model);
        writer.SetMetadata("tokenizer.ggml.pre", vocabulary.PreTokenizer);
        writer.SetMetadata("tokenizer.ggml.tokens", GgufValue.FromStrings(vocabulary.Tokens));
        writer.SetMetadata("tokenizer.ggml.token_type", GgufValue.FromArray<int>([.. vocabulary.Kinds.Select(static kind => (int)kind)]));
        if (vocabulary.Merges.Count > 0)
            writer.SetMetadata("tokenizer.ggml.merges", GgufValue.FromStrings(vocabulary.Merges));
        else
            writer.SetMetadata("tokenizer.ggml.scores", GgufValue.FromArray<float>([.. vocabulary.Scores]));
        if (vocabulary.BeginOfText is { } beginOfText)
            writer.SetMetadata("tokenizer.ggml.bos_token_id", (uint)vocabulary.IdOf(beginOfText));
        writer.SetMetadata("tokenizer.ggml.add_bos_token", vocabulary.BeginOfText is not null);
        writer.SetMetadata("tokenizer.ggml.eos_token_id", (uint)vocabulary.IdOf(vocabulary.EndOfText));
        if (spec.ChatTemplate is { } template)
            writer.SetMetadata("tokenizer.chat_template", template);
    }

    private static void WriteWeights(Stream stream, SyntheticTensor tensor, TensorType type, ulong seed)
    {
        var generator = new WeightGenerator(tensor, seed);
        var rows = Math.Max(1, tensor.Rows);
        var rowBytes = (int)TensorTypes.Info(type).BytesFor(tensor.RowLength);
        var chunkRows = Math.Max(1, ChunkValues / tensor.RowLength);
        var batchRows = Math.Min(rows, chunkRows * ChunksPerBatch);
        var batch = new byte[batchRows * rowBytes];
        for (var start = 0; start < rows; start += batchRows)
        {
            var end = Math.Min(rows, start + batchRows);
            Parallel.For(0, (end - start + chunkRows - 1) / chunkRows, () => new float[Math.Min(rows, chunkRows) * tensor.RowLength], (chunk, _, values) =>
            {
                var first = start + chunk * chunkRows;
                var count = Math.Min(chunkRows, end - first);
                for (var row = 0; row < count; row++)
                    generator.FillRow(first + row, values.AsSpan(row * tensor.RowLength, tensor.RowLength));
                Quantizer.Quantize(
                    type,
                    values.AsSpan(0, count * tensor.RowLength),
                    batch.AsSpan((first - start) * rowBytes, count * rowBytes),
                    tensor.RowLength);
                return values;
            }, static _ => { });
            stream.Write(batch, 0, (end - start) * rowBytes);
        }
    }
}
