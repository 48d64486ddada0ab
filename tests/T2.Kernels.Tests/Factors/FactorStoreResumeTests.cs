namespace T2.Kernels.Tests;

public class FactorStoreResumeTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(5)]
    [InlineData(7)]
    public void A_cancelled_run_is_continued_where_it_stopped(int finished)
    {
        using var model = new TinyModel();
        model.StoreOnly(finished);
        Assert.False(File.Exists(model.StorePath));
        Assert.True(File.Exists(model.PartialPath));

        var kernel = new ProbeKernel();
        var log = new ProgressLog();
        using var store = model.Store(kernel, progress: log);
        Assert.Equal(8 - finished, kernel.Calls);
        Assert.Equal(finished, log.Reports.First(static report => report.Note is null).Completed);
        Assert.Equal(finished > 0, log.Notes.Any(note => note.Contains($"{finished} matrices", StringComparison.Ordinal)));
        store.Verify();
        Assert.False(File.Exists(model.PartialPath));
    }

    [Fact]
    public void A_run_may_be_continued_with_other_weights()
    {
        using var model = new TinyModel();
        model.StoreOnly(3);
        var kernel = new ProbeKernel();
        // The three done first are the largest; what was done beyond the request is kept.
        using (var store = model.Store(kernel, weights: ["blk.0.attn_k.weight"]))
            Assert.Equal(4, store.WeightNames.Count);
        Assert.Equal(1, kernel.Calls);
    }

    [Fact]
    public void What_is_cut_off_a_partial_file_does_not_come_back_in_the_finished_one()
    {
        using var model = new TinyModel();
        model.StoreOnly(6);
        var partial = File.ReadAllBytes(model.PartialPath);
        partial[300] ^= 1;
        File.WriteAllBytes(model.PartialPath, partial);
        using var store = model.Store(weights: ["blk.0.attn_k.weight"]);
        Assert.Equal(FactorFile.BytesFor([new MatrixShape(8, 32)]), store.ByteLength);
    }

    [Fact]
    public void Wherever_a_partial_file_is_cut_off_the_result_is_whole()
    {
        using var model = new TinyModel();
        var whole = WholeBytes(model, out var partial);
        foreach (var length in Enumerable.Range(0, partial.Length / 331).Select(static i => i * 331).Append(partial.Length - 1))
        {
            File.WriteAllBytes(model.PartialPath, partial[..length]);
            model.Store(new ProbeKernel()).Dispose();
            Assert.Equal(whole, File.ReadAllBytes(model.StorePath));
            File.Delete(model.StorePath);
        }
    }

    [Fact]
    public void Whatever_byte_of_a_partial_file_is_damaged_the_result_is_whole()
    {
        using var model = new TinyModel();
        var whole = WholeBytes(model, out var partial);
        var calls = new HashSet<int>();
        for (var at = 0; at < partial.Length; at += 211)
        {
            partial[at] ^= 0x40;
            File.WriteAllBytes(model.PartialPath, partial);
            partial[at] ^= 0x40;
            var kernel = new ProbeKernel();
            model.Store(kernel).Dispose();
            calls.Add(kernel.Calls);
            Assert.True(whole.AsSpan().SequenceEqual(File.ReadAllBytes(model.StorePath)), $"byte {at} slipped through");
            File.Delete(model.StorePath);
        }
        // From all (the header) to the two that were missing and the last one.
        Assert.Equal((8, 3), (calls.Max(), calls.Min()));
    }

    [Fact]
    public void A_file_that_was_finished_but_not_renamed_is_only_renamed()
    {
        using var model = new TinyModel();
        model.Store().Dispose();
        File.Move(model.StorePath, model.PartialPath);
        var kernel = new ProbeKernel();
        using var store = model.Store(kernel);
        Assert.Equal(0, kernel.Calls);
        store.Verify();
    }

    [Fact]
    public void A_partial_file_of_other_weights_is_discarded_with_a_note()
    {
        using var model = new TinyModel();
        using var other = new TinyModel(seed: 100);
        other.StoreOnly(4);
        File.Copy(other.PartialPath, model.PartialPath);
        AssertDiscarded(model, "other weights");
    }

    [Fact]
    public void A_partial_file_of_another_version_or_kind_is_discarded_with_a_note()
    {
        using var model = new TinyModel();
        model.StoreOnly(4);
        var bytes = File.ReadAllBytes(model.PartialPath);
        bytes[8] = 77;
        File.WriteAllBytes(model.PartialPath, bytes);
        AssertDiscarded(model, "version 77");

        File.Delete(model.StorePath);
        File.WriteAllText(model.PartialPath, new string('x', 5000));
        AssertDiscarded(model, "does not begin");
    }

    private static void AssertDiscarded(TinyModel model, string reason)
    {
        var kernel = new ProbeKernel();
        var log = new ProgressLog();
        using var store = model.Store(kernel, progress: log);
        Assert.Equal(8, kernel.Calls);
        Assert.Contains(log.Notes, note => note.Contains(model.PartialPath, StringComparison.Ordinal) && note.Contains(reason, StringComparison.Ordinal));
        store.Verify();
    }

    /// <summary>The finished file, and a partial one with six of the eight weights in the same places.</summary>
    private static byte[] WholeBytes(TinyModel model, out byte[] partial)
    {
        model.StoreOnly(6);
        partial = File.ReadAllBytes(model.PartialPath);
        File.Delete(model.PartialPath);
        model.Store(new ProbeKernel()).Dispose();
        var whole = File.ReadAllBytes(model.StorePath);
        File.Delete(model.StorePath);
        return whole;
    }
}
