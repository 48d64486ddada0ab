using T2.Gguf;
using T2.Gguf.Quantization;

namespace T2.Training;

public sealed partial class TrainingModel
{
    /// <summary>Writes the model as a GGUF file that llama.cpp runs.</summary>
    /// <param name="path">File to write; replaced if it exists, at once and whole.</param>
    /// <param name="template">Metadata to take over: everything but the architecture's own keys, so tokenizer, chat template, name, licence. Its vocabulary must have the model's size.</param>
    /// <param name="typeOf">Type of each matrix by name; null for F32 everywhere. Norms and biases are F32 whatever it says.</param>
    /// <param name="metadata">Further metadata, which win over the template's.</param>
    /// <exception cref="ArgumentException">The vocabulary's size differs, llama.cpp could not read the shape, or a matrix's rows are not whole blocks of its type.</exception>
    /// <exception cref="IOException">Writing failed.</exception>
    /// <exception cref="UnauthorizedAccessException">The directory may not be written to.</exception>
    public void WriteGguf(string path, GgufMetadata template, Func<string, TensorType>? typeOf = null, IEnumerable<KeyValuePair<string, GgufValue>>? metadata = null)
    {
        ArgumentNullException.ThrowIfNull(template);
        if (template.TryGetStrings("tokenizer.ggml.tokens", out var tokens) && tokens.Count != Shape.VocabularySize)
            throw new ArgumentException($"The template's vocabulary has {tokens.Count} tokens, the model {Shape.VocabularySize}.", nameof(template));
        if (Shape.Architecture == "qwen2" && Shape.QueryWidth != Shape.Embedding)
            throw new ArgumentException($"llama.cpp reads a qwen2 model only with as many query values ({Shape.QueryWidth}) as its embedding has ({Shape.Embedding}).");
        var writer = new GgufWriter();
        writer.SetMetadata("general.architecture", Shape.Architecture);
        var own = template.TryGetString("general.architecture", out var architecture) ? architecture + "." : Shape.Architecture + ".";
        foreach (var (key, value) in template)
        {
            if (!key.StartsWith(own, StringComparison.Ordinal) && key is not ("general.architecture" or "general.alignment" or "general.file_type"))
                writer.SetMetadata(key, value);
        }
        foreach (var (key, value) in ShapeMetadata())
            writer.SetMetadata($"{Shape.Architecture}.{key}", value);
        foreach (var (key, value) in metadata ?? [])
            writer.SetMetadata(key, value);
        foreach (var tensor in Tensors)
            AddTensor(writer, tensor, tensor.IsVector ? TensorType.F32 : typeOf?.Invoke(tensor.Name) ?? TensorType.F32);
        if (RopeFactors is not null)
            AddTensor(writer, new ModelTensor(ShapeReader.RopeFactors, RopeFactors, 1, RopeFactors.Length, IsVector: true), TensorType.F32);
        writer.WriteTo(path);
    }

    private IEnumerable<(string Key, GgufValue Value)> ShapeMetadata()
    {
        yield return ("context_length", (uint)Shape.Context);
        yield return ("embedding_length", (uint)Shape.Embedding);
        yield return ("block_count", (uint)Shape.Layers);
        yield return ("feed_forward_length", (uint)Shape.FeedForward);
        yield return ("attention.head_count", (uint)Shape.Heads);
        yield return ("attention.head_count_kv", (uint)Shape.KvHeads);
        if (Shape.HeadSizeOrDefault > 0)
        {
            yield return ("attention.key_length", (uint)Shape.HeadSize);
            yield return ("attention.value_length", (uint)Shape.HeadSize);
        }
        yield return ("attention.layer_norm_rms_epsilon", Shape.RmsEpsilon);
        yield return ("rope.dimension_count", (uint)Shape.RopeDimensions);
        yield return ("rope.freq_base", Shape.RopeBase);
        yield return ("vocab_size", (uint)Shape.VocabularySize);
    }

    private static void AddTensor(GgufWriter writer, ModelTensor tensor, TensorType type)
    {
        var info = TensorTypes.Info(type);
        if (tensor.Columns % info.BlockLength != 0)
            throw new ArgumentException($"{tensor.Name} has rows of {tensor.Columns}, which are not whole blocks of {info.Name} ({info.BlockLength}).");
        ReadOnlySpan<long> dimensions = tensor.IsVector ? [tensor.Columns] : [tensor.Columns, tensor.Rows];
        writer.AddTensor(tensor.Name, type, dimensions, stream =>
        {
            var bytes = new byte[info.BytesFor(tensor.Columns) * tensor.Rows];
            Quantizer.Quantize(type, tensor.Values, bytes, tensor.Columns);
            stream.Write(bytes);
        });
    }
}
