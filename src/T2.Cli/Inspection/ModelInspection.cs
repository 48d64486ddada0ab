using T2.Gguf;
using T2.Kernels;
using T2.Runtime;

namespace T2.Cli;

/// <summary>Looks at a model file and its factor sidecar.</summary>
internal static class ModelInspection
{
    /// <param name="path">A GGUF file.</param>
    /// <param name="factors">Its sidecar; null = beside it.</param>
    /// <param name="tensors">Whether to list every tensor.</param>
    /// <param name="spectra">Whether to list every spectrum instead of means by kind.</param>
    /// <param name="cancellation">Observed while the weights are read.</param>
    internal static ModelReport Inspect(string path, string? factors, bool tensors, bool spectra, CancellationToken cancellation)
    {
        using var model = BaseModel.Open(path, cancellation);
        var file = model.File;
        var (sidecar, measured) = Sidecar(model, factors ?? FactorStore.DefaultPath(path));
        var metadata = file.Metadata;
        return new ModelReport(
            path,
            metadata.TryGetString("general.type", out string? kind) ? kind : "model",
            metadata.TryGetString("general.name", out string? name) ? name : null,
            file.Architecture,
            file.Version,
            file.Length,
            file.Tensors.Sum(static tensor => tensor.ElementCount),
            Dimensions(file),
            metadata.ContainsKey("tokenizer.chat_template"),
            model.Fingerprint,
            [.. file.Tensors.GroupBy(static tensor => tensor.Type)
                .Select(static group => new TypeReport(group.Key.ToString(), group.Count(), group.Sum(static tensor => tensor.ByteLength)))
                .OrderByDescending(static type => type.Bytes)],
            new AdaptableReport(model.Weights.Count, model.Weights.Values.Sum(static shape => shape.Length), model.Weights.Values.Sum(static shape => (long)shape.Rank)),
            Refusals(file),
            sidecar,
            measured is null ? null : spectra ? measured : SpectrumStatistics.ByKind(measured),
            tensors ? [.. file.Tensors.Select(Describe)] : null,
            metadata.TryGetString(ModelExporter.ExpertKey, out string? expert) ? expert : null);
    }

    private static DimensionsReport Dimensions(GgufFile file)
    {
        var metadata = file.Metadata;
        return new(
            Size("block_count"),
            Size("embedding_length"),
            Size("feed_forward_length"),
            Size("attention.head_count"),
            Size("attention.head_count_kv"),
            Size("context_length"),
            metadata.TryGetValue("tokenizer.ggml.tokens", out var tokens) ? tokens.Count : Size("vocab_size"));

        long? Size(string key) => metadata.TryGetInt64($"{file.Architecture}.{key}", out long value) ? value : null;
    }

    private static bool IsBlockWeight(GgufTensor tensor) =>
        tensor.Name.StartsWith("blk.", StringComparison.Ordinal) && tensor.Name.EndsWith(".weight", StringComparison.Ordinal) && tensor.Dimensions.Count > 1;

    private static List<RefusalReport> Refusals(GgufFile file) =>
        [.. file.Tensors.Where(IsBlockWeight)
            .Select(static tensor => (tensor.Name, Role: BlockWeights.Classify(tensor)))
            .Where(static pair => !pair.Role.IsAdaptable)
            .GroupBy(static pair => pair.Role.Reason, static pair => pair.Name)
            .Select(static group => new RefusalReport(group.Key, [.. group]))];

    private static TensorReport Describe(GgufTensor tensor)
    {
        var role = BlockWeights.Classify(tensor);
        return new(tensor.Name, tensor.Type.ToString(), tensor.Dimensions, tensor.ByteLength, role.IsAdaptable, role.Reason);
    }

    private static (SidecarReport Report, IReadOnlyList<SpectrumReport>? Spectra) Sidecar(BaseModel model, string path)
    {
        long full = model.FullSvdBytes;
        try
        {
            using var store = FactorStore.TryOpen(path, model.Fingerprint);
            if (store is null)
                return (new(path, File.Exists(path + ".partial") ? "partial" : "absent", 0, 0, full, null), null);
            var spectra = new List<SpectrumReport>();
            foreach (string weight in model.Weights.Keys)
            {
                if (store.TryGet(weight, out var matrix))
                    spectra.Add(SpectrumStatistics.Of(weight, matrix.SingularValues.Span));
            }
            return (new(path, spectra.Count == model.Weights.Count ? "complete" : "partial", spectra.Count, store.ByteLength, full, null), spectra);
        }
        catch (FactorStoreException exception)
        {
            // A bad sidecar is a fact about the model worth reporting, not a reason to report nothing.
            return (new(path, "unusable", 0, new FileInfo(path).Length, full, exception.Message), null);
        }
    }
}
