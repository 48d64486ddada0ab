using T2.Gguf.Experts;

namespace T2.Cli;

/// <summary>Looks at a checkpoint of the PyTorch reference.</summary>
internal static class CheckpointInspection
{
    internal static CheckpointReport Inspect(string path)
    {
        var checkpoint = TorchCheckpoint.Load(path);
        return new(path, "checkpoint", new FileInfo(path).Length, [.. checkpoint.Tensors.Select(static tensor =>
        {
            var statistics = VectorReport.Of(tensor.Name, tensor.Values.Span);
            return new LogitsReport(
                tensor.Name, tensor.Type.ToString(), statistics.Length, statistics.Min, statistics.Mean, statistics.Max, statistics.Deviation);
        })]);
    }

    internal static void Print(Terminal terminal, CheckpointReport report)
    {
        var facts = Tables.Facts();
        facts.Row("file", $"{report.File} ({Units.Bytes(report.Bytes)})");
        facts.Row("checkpoint", $"{report.Tensors.Count} tensors of raw logits; t2 convert makes an expert of them");
        terminal.Results.Write(facts);
        var table = Tables.New("tensor", "type", "length", "min", "mean", "max", "std").Right(2, 3, 4, 5, 6);
        foreach (var tensor in report.Tensors)
        {
            table.Row(
                tensor.Name,
                tensor.Type,
                Units.Count(tensor.Length),
                Units.Value(tensor.Min),
                Units.Value(tensor.Mean),
                Units.Value(tensor.Max),
                Units.Value(tensor.Deviation));
        }
        terminal.Results.Write(table);
    }
}
