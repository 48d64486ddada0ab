namespace T2.Cli;

/// <summary>What <c>t2 inspect</c> says about a model.</summary>
/// <param name="Kind"><c>model</c>, or the <c>general.type</c> of the file if it has another.</param>
/// <param name="Bytes">Size of the file.</param>
/// <param name="Parameters">Values in all tensors.</param>
/// <param name="Fingerprint">Identifies the weights.</param>
/// <param name="Types">Tensors by type, most bytes first.</param>
/// <param name="Adaptable">Weights that experts may adapt.</param>
/// <param name="Refused">Block weights that they may not, by reason.</param>
/// <param name="Tensors">Every tensor; null unless asked for.</param>
/// <param name="ExportedExpert">The expert that the file's weights were exported with; null for a plain model.</param>
internal sealed record ModelReport(
    string File,
    string Kind,
    string? Name,
    string? Architecture,
    uint GgufVersion,
    long Bytes,
    long Parameters,
    DimensionsReport Dimensions,
    bool HasChatTemplate,
    string Fingerprint,
    IReadOnlyList<TypeReport> Types,
    AdaptableReport Adaptable,
    IReadOnlyList<RefusalReport> Refused,
    SidecarReport Factors,
    IReadOnlyList<SpectrumReport>? Spectra,
    IReadOnlyList<TensorReport>? Tensors,
    string? ExportedExpert);

/// <summary>Sizes from the metadata; null where the file does not say.</summary>
internal sealed record DimensionsReport(long? Layers, long? Embedding, long? FeedForward, long? Heads, long? KvHeads, long? Context, long? Vocabulary);

/// <summary>How much of a model is stored in a type.</summary>
internal sealed record TypeReport(string Type, int Tensors, long Bytes);

/// <summary>How much of a model can be adapted.</summary>
/// <param name="Values">Length of all z together.</param>
internal sealed record AdaptableReport(int Weights, long Parameters, long Values);

/// <summary>Weights that cannot be adapted, and why.</summary>
internal sealed record RefusalReport(string Reason, IReadOnlyList<string> Weights);

/// <summary>The factor sidecar.</summary>
/// <param name="State"><c>absent</c>, <c>partial</c> (begun, or made for fewer weights), <c>complete</c> or <c>unusable</c>.</param>
/// <param name="Weights">Factored weights.</param>
/// <param name="Bytes">Its size.</param>
/// <param name="FullSvdBytes">Size of U, σ and V of all adaptable weights in fp32, what the sidecar replaces.</param>
/// <param name="Problem">Why it is unusable.</param>
internal sealed record SidecarReport(string Path, string State, int Weights, long Bytes, long FullSvdBytes, string? Problem);

/// <summary>A spectrum: of one weight, or the means over the weights of one kind.</summary>
/// <param name="Weight">The weight, or the kind as <c>blk.*.ffn_up.weight</c>.</param>
/// <param name="EffectiveRank">exp of the entropy of σ/Σσ (Roy and Vetterli 2007).</param>
/// <param name="Top256Share">Share of Σσ in the 256 largest.</param>
internal sealed record SpectrumReport(string Weight, int Rank, double Largest, double Smallest, double Sum, double EffectiveRank, double Top256Share);

/// <summary>One tensor of the file.</summary>
/// <param name="Adaptable">Whether experts may adapt it.</param>
/// <param name="Role">What it is, or what stands in the way.</param>
internal sealed record TensorReport(string Name, string Type, IReadOnlyList<long> Dimensions, long Bytes, bool Adaptable, string Role);
