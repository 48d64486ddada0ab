namespace T2.Cli;

/// <summary>A model report as text.</summary>
internal static class ModelPrinter
{
    internal static void Print(Terminal terminal, ModelReport report)
    {
        PrintFacts(terminal, report);
        var types = Tables.New("type", "tensors", "bytes").Right(1, 2);
        foreach (var type in report.Types)
            types.Row(type.Type, Units.Count(type.Tensors), Units.Bytes(type.Bytes));
        terminal.Results.Write(types);
        if (report.Refused.Count > 0)
            PrintRefusals(terminal, report.Refused);
        if (report.Spectra is { Count: > 0 } spectra)
            PrintSpectra(terminal, spectra);
        if (report.Tensors is { } tensors)
            PrintTensors(terminal, tensors);
    }

    private static void PrintFacts(Terminal terminal, ModelReport report)
    {
        var facts = Tables.Facts();
        facts.Row("file", $"{report.File} ({Units.Bytes(report.Bytes)}, GGUF v{report.GgufVersion})");
        facts.Row(report.Kind, report.Name ?? "(no name)");
        facts.Row("architecture", report.Architecture ?? "(not named)");
        if (report.ExportedExpert is { } expert)
            facts.Row("exported with", $"expert {expert}");
        facts.Row("size", $"{Units.Count(report.Parameters)} parameters{Describe(report.Dimensions)}");
        facts.Row("chat template", report.HasChatTemplate ? "yes" : "no");
        facts.Row("fingerprint", report.Fingerprint);
        facts.Row("adaptable", $"{report.Adaptable.Weights} weights, {Units.Count(report.Adaptable.Parameters)} parameters, {Units.Count(report.Adaptable.Values)} singular values");
        facts.Row("factors", Describe(report.Factors, report.Adaptable.Weights));
        terminal.Results.Write(facts);
    }

    private static string Describe(DimensionsReport size)
    {
        (string Name, long? Value)[] parts =
        [
            ("layers", size.Layers), ("embedding", size.Embedding), ("feed-forward", size.FeedForward), ("heads", size.Heads), ("key/value heads", size.KvHeads),
            ("context", size.Context), ("vocabulary", size.Vocabulary),
        ];
        return string.Concat(parts.Where(static part => part.Value is not null).Select(static part => $", {part.Name} {part.Value}"));
    }

    private static string Describe(SidecarReport factors, int weights) => factors.State switch
    {
        "absent" => $"none yet ({factors.Path}); t2 factor makes them",
        "partial" when factors.Bytes == 0 => $"begun ({factors.Path}.partial); t2 factor goes on",
        "unusable" => $"unusable: {factors.Problem}",
        _ => $"{factors.State}: {factors.Weights} of {weights} weights, {Units.Bytes(factors.Bytes)}"
            + (factors.FullSvdBytes > 0 ? $", {Units.Percent((double)factors.Bytes / factors.FullSvdBytes)} of U, σ, V in fp32" : ""),
    };

    private static void PrintRefusals(Terminal terminal, IReadOnlyList<RefusalReport> refusals)
    {
        var table = Tables.New("not adaptable", "weights", "such as");
        foreach (var refusal in refusals)
            table.Row(refusal.Reason, Units.Count(refusal.Weights.Count), refusal.Weights[0]);
        terminal.Results.Write(table.Right(1));
    }

    private static void PrintSpectra(Terminal terminal, IReadOnlyList<SpectrumReport> spectra)
    {
        var table = Tables.New("spectrum", "rank", "σ1", "σr", "Σσ", "effective rank", "top 256").Right(1, 2, 3, 4, 5, 6);
        foreach (var spectrum in spectra)
        {
            table.Row(
                spectrum.Weight,
                Units.Count(spectrum.Rank),
                Units.Value(spectrum.Largest),
                Units.Value(spectrum.Smallest),
                Units.Value(spectrum.Sum),
                Units.Invariant($"{spectrum.EffectiveRank:0.0}"),
                Units.Percent(spectrum.Top256Share));
        }
        terminal.Results.Write(table);
    }

    private static void PrintTensors(Terminal terminal, IReadOnlyList<TensorReport> tensors)
    {
        var table = Tables.New("tensor", "type", "shape", "bytes", "adaptable").Right(3);
        foreach (var tensor in tensors)
            table.Row(tensor.Name, tensor.Type, string.Join('×', tensor.Dimensions), Units.Count(tensor.Bytes), tensor.Adaptable ? "yes" : $"no: {tensor.Role}");
        terminal.Results.Write(table);
    }
}
