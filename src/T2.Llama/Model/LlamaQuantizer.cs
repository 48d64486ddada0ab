namespace T2.Llama;

/// <summary>llama.cpp's own quantisation of a whole model: a type for most weights, a finer one for those its mixture spares.</summary>
public static class LlamaQuantizer
{
    /// <summary>Writes a quantised copy of a model. The file appears whole or not at all.</summary>
    /// <param name="source">A GGUF file in F32, F16 or BF16.</param>
    /// <param name="destination">The file to write; one that is there is replaced.</param>
    /// <param name="type">The mixture of types.</param>
    /// <param name="threads">Threads to use; 0 = all.</param>
    /// <exception cref="ArgumentOutOfRangeException">The type is none of llama.cpp's, or the number of threads negative.</exception>
    /// <exception cref="FileNotFoundException">There is no <paramref name="source"/>.</exception>
    /// <exception cref="LlamaException">llama.cpp cannot quantise it.</exception>
    public static unsafe void Quantize(string source, string destination, LlamaFileType type, int threads = 0)
    {
        ArgumentException.ThrowIfNullOrEmpty(source);
        ArgumentException.ThrowIfNullOrEmpty(destination);
        ArgumentOutOfRangeException.ThrowIfNegative(threads);
        int code = EnumCode.Of(type);
        if (!File.Exists(source))
            throw new FileNotFoundException($"There is no model {source}.", source);
        LlamaLibrary.Load();
        string aside = destination + ".part";
        try
        {
            using LlamaLogCapture log = LlamaLog.Capture();
            var parameters = LlamaNative.llama_model_quantize_default_params();
            parameters.Threads = threads;
            parameters.FileType = code;
            if (LlamaNative.llama_model_quantize(source, aside, &parameters) != 0)
                throw new LlamaException($"Cannot quantise {source} to {type}.{log.Explanation}");
            File.Move(aside, destination, overwrite: true);
        }
        finally
        {
            File.Delete(aside);
        }
    }
}
