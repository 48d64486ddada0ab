using System.Globalization;
using System.Text;
using T2.Gguf;

namespace T2.Kernels.Gpu;

/// <summary>
/// How a model and the factors of its adapted weights share a GPU's memory: which factors stay there, which are streamed from page-locked host memory,
/// which weights are rebuilt on the CPU. A pure function of the model's tensors, the memory and the options; nothing is measured or allocated.
/// <para>
/// Counted are the whole model, <see cref="GpuPlanOptions.ReservedBytes"/>, the largest work space of one rebuild, two slots through which pristine weights
/// (and streamed factors) pass, and the resident factors. Where that leaves room for the adapted weights once more, a copy of their base stays on the device:
/// nothing but z then comes from the host, and the slots shrink to the streamed factors. What is left after that is for rebuilt experts.
/// </para>
/// </summary>
public sealed class GpuMemoryPlan
{
    private GpuMemoryPlan(long vramBytes, long modelBytes, GpuPlanOptions options, IReadOnlyList<PlannedWeight> weights)
    {
        VramBytes = vramBytes;
        ModelBytes = modelBytes;
        ReservedBytes = options.ReservedBytes;
        Weights = weights;
        WorkspaceBytes = PlanMemory.Workspace(weights);
        SlotBytes = PlanMemory.Slot(weights);
        ExpertBytes = PlanMemory.AllWeights(weights);
        KeepsBase = options.KeepBase && ExpertBytes > 0 && FreeBytes >= ExpertBytes;
        if (KeepsBase)
            SlotBytes = PlanMemory.Slot(weights, keepsBase: true);
    }

    /// <summary>Device memory planned for.</summary>
    public long VramBytes { get; }

    /// <summary>Bytes of all tensors of the model.</summary>
    public long ModelBytes { get; }

    /// <summary>Bytes left for KV cache and compute buffers.</summary>
    public long ReservedBytes { get; }

    /// <summary>Work space of the largest rebuild on the device.</summary>
    public long WorkspaceBytes { get; }

    /// <summary>Size of each of the two slots.</summary>
    public long SlotBytes { get; }

    /// <summary>The adapted weights, in file order.</summary>
    public IReadOnlyList<PlannedWeight> Weights { get; }

    /// <summary>Bytes of the resident factors.</summary>
    public long ResidentBytes => Sum(FactorPlacement.Resident);

    /// <summary>Page-locked host memory for the streamed factors.</summary>
    public long StreamedBytes => Sum(FactorPlacement.Streamed);

    /// <summary>Bytes of one rebuilt expert that adapts every weight.</summary>
    public long ExpertBytes { get; }

    /// <summary>Whether the base's bytes of the adapted weights are kept on the device a second time, <see cref="ExpertBytes"/> of them.</summary>
    public bool KeepsBase { get; }

    /// <summary>Device memory left over, for rebuilt experts; negative where the model itself does not fit.</summary>
    public long FreeBytes => VramBytes - ModelBytes - ReservedBytes - WorkspaceBytes - (2 * SlotBytes) - ResidentBytes - (KeepsBase ? ExpertBytes : 0);

    /// <summary>Rebuilt experts that fit: switching to one of them is a copy within the device. With none, an expert is written straight into the model.</summary>
    public long Experts => ExpertBytes == 0 ? 0 : Math.Max(0, FreeBytes) / ExpertBytes;

    /// <summary>Plans a model.</summary>
    /// <param name="model">The model file.</param>
    /// <param name="vramBytes">Device memory to plan for: free memory before the model is loaded.</param>
    /// <param name="options">Null for the defaults.</param>
    /// <exception cref="ArgumentException">The options name a weight the model lacks or that cannot be adapted, or a size is negative.</exception>
    public static GpuMemoryPlan For(GgufFile model, long vramBytes, GpuPlanOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        options ??= new GpuPlanOptions();
        IEnumerable<GgufTensor> tensors = BlockWeights.List(model);
        if (options.Weights is { } names)
        {
            var known = tensors.ToDictionary(static tensor => tensor.Name, StringComparer.Ordinal);
            tensors = names.Select(name => known.TryGetValue(name, out var tensor) ? tensor : throw new ArgumentException($"{model.Path} has no adaptable weight {name}."));
        }
        return For(
            [.. tensors.OrderBy(static tensor => tensor.Offset).Select(static tensor => (tensor.Name, tensor.Type, BlockWeights.ShapeOf(tensor)))],
            model.Tensors.Sum(static tensor => tensor.ByteLength), vramBytes, options);
    }

    /// <summary>Plans weights of which only names, types and shapes are known.</summary>
    /// <param name="weights">The adapted weights.</param>
    /// <param name="modelBytes">Bytes of the whole model.</param>
    /// <param name="vramBytes">Device memory to plan for.</param>
    /// <param name="options">What the plan may use.</param>
    /// <exception cref="ArgumentException">A size is negative.</exception>
    public static GpuMemoryPlan For(IReadOnlyList<(string Name, TensorType Type, MatrixShape Shape)> weights, long modelBytes, long vramBytes, GpuPlanOptions options)
    {
        ArgumentNullException.ThrowIfNull(weights);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfNegative(vramBytes);
        ArgumentOutOfRangeException.ThrowIfNegative(modelBytes);
        if (options.ReservedBytes < 0 || options.PinnedBytes < 0)
            throw new ArgumentException("Reserved and page-locked memory cannot be negative.", nameof(options));
        var planned = new Planner(vramBytes - modelBytes - options.ReservedBytes, options).Run(weights);
        return new GpuMemoryPlan(vramBytes, modelBytes, options, planned);
    }

    /// <summary>The plan as a table: one line per kind of weight, then the memory.</summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        text.AppendLine("| weights | count | type | shape | factors each | resident | streamed | on the CPU |");
        text.AppendLine("|---|--:|---|---|--:|--:|--:|--:|");
        foreach (var kind in Weights.GroupBy(static weight => (Kind: KindOf(weight.Name), weight.Type, weight.Shape)))
        {
            text.AppendLine(CultureInfo.InvariantCulture,
                $"| {kind.Key.Kind} | {kind.Count()} | {TensorTypes.Info(kind.Key.Type).Name} | {kind.Key.Shape} | {ByteSize.Format(kind.First().FactorBytes)} | {Count(kind, FactorPlacement.Resident)} | {Count(kind, FactorPlacement.Streamed)} | {Count(kind, FactorPlacement.Cpu)} |");
        }
        text.AppendLine();
        foreach (var reason in Weights.Where(static weight => weight.Reason.Length > 0).GroupBy(static weight => weight.Reason))
            text.AppendLine(CultureInfo.InvariantCulture, $"{reason.Count()} weights: {reason.Key}");
        text.AppendLine(CultureInfo.InvariantCulture,
            $"of {ByteSize.Format(VramBytes)}: model {ByteSize.Format(ModelBytes)}, KV cache and compute {ByteSize.Format(ReservedBytes)}, resident factors {ByteSize.Format(ResidentBytes)}, work space {ByteSize.Format(WorkspaceBytes)}, two slots of {ByteSize.Format(SlotBytes)}; {(FreeBytes < 0 ? $"{ByteSize.Format(-FreeBytes)} too little" : $"{ByteSize.Format(FreeBytes)} free")}");
        text.AppendLine(KeepsBase
            ? $"a copy of the base's {ByteSize.Format(ExpertBytes)} stays on the device: rebuilds and resets take nothing but z from the host"
            : "no room for a copy of the base: rebuilds and resets upload weights from the file");
        text.AppendLine(CultureInfo.InvariantCulture, $"rebuilt experts that fit, {ByteSize.Format(ExpertBytes)} each: {Experts}{(Experts == 0 ? "; an expert is written straight into the model" : "")}");
        text.Append(CultureInfo.InvariantCulture, $"page-locked host memory: {ByteSize.Format(StreamedBytes)}");
        return text.ToString();
    }

    private static int Count(IEnumerable<PlannedWeight> weights, FactorPlacement placement) => weights.Count(weight => weight.Placement == placement);

    private long Sum(FactorPlacement placement) => Weights.Where(weight => weight.Placement == placement).Sum(static weight => weight.FactorBytes);

    /// <summary>"blk.3.ffn_gate.weight" is of the kind "ffn_gate".</summary>
    private static string KindOf(string name) => name.Split('.') is ["blk", _, var kind, ..] ? kind : name;
}
