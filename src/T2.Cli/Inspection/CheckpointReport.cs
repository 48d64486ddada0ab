namespace T2.Cli;

/// <summary>What <c>t2 inspect</c> says about a checkpoint of the PyTorch reference.</summary>
internal sealed record CheckpointReport(string File, string Kind, long Bytes, IReadOnlyList<LogitsReport> Tensors);

/// <summary>One tensor of a checkpoint: raw logits, not z.</summary>
/// <param name="Name">Its key in the file.</param>
internal sealed record LogitsReport(string Name, string Type, int Length, double Min, double Mean, double Max, double Deviation);
