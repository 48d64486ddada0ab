namespace T2.Llama.Tests;

public sealed class LlamaBatchTests
{
    [Fact]
    public void Add_returns_the_index()
    {
        var batch = new LlamaBatch(2);
        Assert.Equal(0, batch.Add(5, 0));
        Assert.Equal(1, batch.Add(6, 1));
        Assert.Equal(2, batch.Count);
        batch.Clear();
        Assert.Equal(0, batch.Add(7, 0));
    }

    [Fact]
    public void A_full_batch_takes_no_more()
    {
        var batch = new LlamaBatch(1);
        batch.Add(1, 0);
        Assert.Throws<InvalidOperationException>(() => batch.Add(1, 1));
        Assert.Equal(1, batch.Count);
    }

    [Fact]
    public void Wrong_values_are_refused_and_leave_the_batch_as_it_was()
    {
        var batch = new LlamaBatch(4, maxSequencesPerToken: 2);
        Assert.Throws<ArgumentOutOfRangeException>(() => batch.Add(-1, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => batch.Add(0, -1));
        Assert.Throws<ArgumentOutOfRangeException>(() => batch.Add(0, 0, -1));
        Assert.Throws<ArgumentException>(() => batch.Add(0, 0, [0, 1, 2]));
        Assert.Throws<ArgumentException>(() => batch.Add(0, 0, Array.Empty<int>()));
        Assert.Equal(0, batch.Count);
        Assert.Throws<ArgumentOutOfRangeException>(() => new LlamaBatch(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => new LlamaBatch(1, 0));
    }

    [Fact]
    public unsafe void The_native_view_shows_what_was_added()
    {
        var batch = new LlamaBatch(3, maxSequencesPerToken: 2);
        batch.Add(11, 0, [0, 1]);
        batch.Add(12, 1, sequence: 1, wantsLogits: true);

        LlamaBatchStruct native = batch.ToNative();

        Assert.Equal(2, native.TokenCount);
        Assert.Equal((11, 12), (native.Tokens[0], native.Tokens[1]));
        Assert.Equal((0, 1), (native.Positions[0], native.Positions[1]));
        Assert.Equal((2, 1), (native.SequenceCounts[0], native.SequenceCounts[1]));
        Assert.Equal((0, 1, 1), (native.Sequences[0][0], native.Sequences[0][1], native.Sequences[1][0]));
        Assert.Equal((0, 1), (native.WantsLogits[0], native.WantsLogits[1]));
        Assert.True(native.Embeddings is null);
        GC.KeepAlive(batch);
    }
}
