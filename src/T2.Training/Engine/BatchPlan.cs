namespace T2.Training;

/// <summary>A batch as the passes walk it: blocks of rows, positions, rows with a target.</summary>
internal sealed class BatchPlan
{
    /// <summary>Rows that go through a chain of operations together; a multiple of every instruction set's tile.</summary>
    public const int BlockRows = 96;

    public BatchPlan(PackedBatch batch)
    {
        Batch = batch;
        Positions = new int[batch.Tokens.Length];
        for (var s = 0; s < batch.Sequences; s++)
        {
            for (var t = batch.SequenceStart[s]; t < batch.SequenceStart[s + 1]; t++)
                Positions[t] = t - batch.SequenceStart[s];
            LongestSequence = Math.Max(LongestSequence, batch.SequenceStart[s + 1] - batch.SequenceStart[s]);
        }
        TargetRows = [.. Enumerable.Range(0, Rows).Where(t => batch.Targets[t] >= 0)];
    }

    public PackedBatch Batch { get; }

    /// <summary>Tokens in all.</summary>
    public int Rows => Batch.Tokens.Length;

    public int Blocks => (Rows + BlockRows - 1) / BlockRows;

    /// <summary>Each token's place in its sequence.</summary>
    public int[] Positions { get; }

    public int LongestSequence { get; }

    /// <summary>Positions with a target, ascending.</summary>
    public int[] TargetRows { get; set; }

    public (int First, int Count) Block(int block) => (block * BlockRows, Math.Min(BlockRows, Rows - block * BlockRows));
}
