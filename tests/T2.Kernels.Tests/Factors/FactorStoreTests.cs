using System.Globalization;
using T2.TestKit;

namespace T2.Kernels.Tests;

public class FactorStoreTests
{
    [Fact]
    public void A_new_store_holds_what_the_kernel_computes_for_every_weight()
    {
        using var model = new TinyModel();
        Assert.Null(FactorStore.TryOpen(model.StorePath, model.Fingerprint));

        var kernel = new ProbeKernel();
        using var store = model.Store(kernel, threads: 3);
        Assert.Equal(8, kernel.Calls);
        Assert.Equal(model.Weights.Order(), store.WeightNames.Order());
        foreach (var name in model.Weights)
        {
            Assert.True(model.File.TryGetTensor(name, out var tensor));
            var values = new float[tensor.ElementCount];
            Gguf.Quantization.Quantizer.Dequantize(tensor.Type, model.File.GetData(tensor), values);
            var shape = BlockWeights.ShapeOf(tensor);
            var (sigma, basis) = kernel.Factorize(values, shape);

            Assert.True(store.TryGet(name, out var factors));
            Assert.Equal(shape, factors.Shape);
            Assert.Equal(sigma, factors.SingularValues.ToArray());
            Assert.Equal(basis, factors.Basis.ToArray());
        }
        Assert.False(store.TryGet("token_embd.weight", out _));
        store.Verify();
        Assert.All(store.Entries, static entry => Assert.Equal("probe", entry.Kernel));
        Assert.All(store.Entries, static entry => Assert.Equal(0, entry.Offset % FactorFile.Alignment));
    }

    [Fact]
    public void A_finished_store_is_opened_without_computing_anything()
    {
        using var model = new TinyModel();
        model.Store().Dispose();
        var kernel = new ProbeKernel();
        using var again = model.Store(kernel);
        using var opened = FactorStore.TryOpen(model.StorePath, model.Fingerprint);
        Assert.Equal(0, kernel.Calls);
        Assert.Equal(8, opened?.WeightNames.Count);
        Assert.Equal(["model.gguf", "model.gguf.t2factors"], Directory.GetFiles(model.Folder).Select(Path.GetFileName).Order());
    }

    [Fact]
    public void The_size_on_disk_is_what_the_accounting_says_and_below_that_of_a_full_decomposition()
    {
        using var model = new TinyModel();
        using var store = model.Store();
        var shapes = store.Entries.Select(static entry => entry.Shape).ToArray();
        Assert.Equal(FactorFile.BytesFor(shapes), store.ByteLength);
        Assert.Equal(store.ByteLength, new FileInfo(model.StorePath).Length);

        // The floor, for the shapes of a Qwen2.5-0.5B block.
        MatrixShape[] block = [new(896, 896), new(128, 896), new(128, 896), new(896, 896), new(4864, 896), new(4864, 896), new(896, 4864)];
        Assert.Equal(4 * ((2L * ((896 * 896 * 2) + 896)) + (2 * ((128 * 1024) + 128)) + (3 * ((896 * 5760) + 896))), FactorFile.FullDecompositionBytes(block));
        Assert.InRange(FactorFile.BytesFor(block), 0, (long)(0.4 * FactorFile.FullDecompositionBytes(block)));
    }

    [Fact]
    public void Asking_for_more_weights_computes_only_those_and_keeps_the_others()
    {
        using var model = new TinyModel();
        model.Store(weights: [model.Weights[2], model.Weights[5]]).Dispose();
        var before = FactorsOf(model);

        var kernel = new ProbeKernel();
        var log = new ProgressLog();
        using (var extended = model.Store(kernel, progress: log))
            Assert.Equal(8, extended.WeightNames.Count);
        Assert.Equal(6, kernel.Calls);
        Assert.Equal(8, log.Reports[^1].Completed);
        var after = FactorsOf(model);
        Assert.All(before, pair => Assert.Equal(pair.Value, after[pair.Key]));

        // A subset of what is there is there.
        model.Store(kernel, weights: [model.Weights[7]]).Dispose();
        Assert.Equal(6, kernel.Calls);
    }

    [Fact]
    public void An_extension_that_is_cancelled_leaves_the_finished_file_as_it_was()
    {
        using var model = new TinyModel();
        model.Store(weights: [model.Weights[2], model.Weights[5]]).Dispose();
        var before = File.ReadAllBytes(model.StorePath);
        model.StoreOnly(3);
        Assert.Equal(before, File.ReadAllBytes(model.StorePath));

        var kernel = new ProbeKernel();
        using var extended = model.Store(kernel);
        Assert.Equal(3, kernel.Calls);
        extended.Verify();
    }

    [Fact]
    public void Progress_grows_to_the_whole_and_names_weights()
    {
        using var model = new TinyModel();
        var log = new ProgressLog();
        model.Store(progress: log, threads: 4).Dispose();
        Assert.All(log.Reports.Zip(log.Reports.Skip(1)), static pair =>
        {
            Assert.True(pair.First.Completed <= pair.Second.Completed);
            Assert.True(pair.First.Fraction <= pair.Second.Fraction);
            Assert.True(pair.First.Elapsed <= pair.Second.Elapsed);
        });
        Assert.Null(log.Reports[0].Remaining);
        Assert.Equal(0, log.Reports[0].Fraction);
        Assert.All(log.Reports, report => Assert.Contains(report.WeightName, model.Weights));
        Assert.Equal((8, 8, 1.0, TimeSpan.Zero), (log.Reports[^1].Completed, log.Reports[^1].Total, log.Reports[^1].Fraction, log.Reports[^1].Remaining));
    }

    [Fact]
    public void The_memory_budget_bounds_how_many_weights_are_worked_on_at_once()
    {
        using var model = new TinyModel();
        int Most(long budget, int awaited)
        {
            int now = 0, most = 0;
            using var reached = new ManualResetEventSlim();
            using var exceeded = new ManualResetEventSlim();
            var kernel = new ProbeKernel
            {
                Before = call =>
                {
                    var count = Interlocked.Increment(ref now);
                    InterlockedMax(ref most, count);
                    if (count == awaited)
                        reached.Set();
                    if (count > awaited)
                        exceeded.Set();
                    // The thread pool may take a while to give the run its threads.
                    Assert.True(reached.Wait(TimeSpan.FromSeconds(60)), $"{awaited} weights were never worked on at once");
                    if (call == awaited)
                        exceeded.Wait(TimeSpan.FromSeconds(1));
                },
                After = () => Interlocked.Decrement(ref now),
            };
            FactorStore.OpenOrCreate(
                model.StorePath, model.File, model.Fingerprint, model.Weights, kernel, new FactorOptions { Threads = 4, MemoryBudgetBytes = budget }, null, default).Dispose();
            File.Delete(model.StorePath);
            return most;
        }
        var error = Assert.Throws<ArgumentException>(() => Most(1, 1));
        Assert.Contains(nameof(FactorOptions.MemoryBudgetBytes), error.Message, StringComparison.Ordinal);
        Assert.Contains("blk.", error.Message, StringComparison.Ordinal);
        var needed = FactorTask.Resolve(model.File, model.Weights).Max(static task => task.WorkingBytes);
        Assert.Contains(needed.ToString(CultureInfo.InvariantCulture), error.Message, StringComparison.Ordinal);
        Assert.Equal(1, Most(needed, 1));
        Assert.Equal(1, Most((2 * needed) - 1, 1));
        Assert.Equal(2, Most(2 * needed, 2));
    }

    [Fact]
    public void A_weight_that_cannot_be_factorised_is_named_and_the_others_are_kept()
    {
        using var model = new TinyModel(change: static (name, values) =>
        {
            if (name == "blk.1.attn_k.weight")
                values[40] = float.NaN;
        });
        var error = Assert.Throws<FactorizationException>(() => model.Store());
        Assert.Contains("blk.1.attn_k.weight", error.Message, StringComparison.Ordinal);
        Assert.Contains("row 1, column 8", error.Message, StringComparison.Ordinal);

        var kernel = new ProbeKernel();
        model.Store(kernel, weights: [.. model.Weights.Where(static name => name != "blk.1.attn_k.weight")]).Dispose();
        Assert.Equal(0, kernel.Calls);
    }

    [Fact]
    public void Weights_that_are_not_there_or_not_matrices_are_refused_by_name()
    {
        using var model = new TinyModel();
        Assert.Contains("blk.9.attn_q.weight", Assert.Throws<ArgumentException>(() => model.Store(weights: ["blk.9.attn_q.weight"])).Message, StringComparison.Ordinal);
        Assert.Contains("1 dimension", Assert.Throws<ArgumentException>(() => model.Store(weights: ["blk.0.attn_norm.weight"])).Message, StringComparison.Ordinal);
        Assert.Equal(["model.gguf"], Directory.GetFiles(model.Folder).Select(Path.GetFileName));
    }

    [Fact]
    public void Factors_are_not_to_be_had_after_the_store_is_disposed()
    {
        using var model = new TinyModel();
        var store = model.Store();
        Assert.True(store.TryGet(model.Weights[0], out var factors));
        using var pinned = factors.Basis.Pin();
        var expected = factors.Basis.Span[5];
        store.Dispose();
        store.Dispose();
        Assert.Throws<ObjectDisposedException>(() => store.TryGet(model.Weights[0], out _));
        Assert.Throws<ObjectDisposedException>(() => store.Verify());
        Assert.Throws<ObjectDisposedException>(() => factors.Basis.Span[0]);
        Assert.Throws<ObjectDisposedException>(() => factors.SingularValues.Pin());
        // What was pinned before stays mapped until it is unpinned.
        unsafe
        {
            Assert.Equal(expected, ((float*)pinned.Pointer)[5]);
        }
    }

    [Fact]
    public void A_path_that_cannot_be_written_is_named()
    {
        using var model = new TinyModel();
        using var folder = new TempFolder();
        File.WriteAllText(folder.File("file"), "");
        foreach (var path in (string[])[folder.File("absent/x.t2factors"), folder.File("file/x.t2factors")])
        {
            var error = Assert.Throws<FactorStoreException>(() => FactorStore.OpenOrCreate(
                path, model.File, model.Fingerprint, model.Weights, new ReferenceKernel(), new FactorOptions(), null, default));
            Assert.Contains(path, error.Message, StringComparison.Ordinal);
        }
        Directory.CreateDirectory(model.StorePath);
        Assert.Contains(model.StorePath, Assert.Throws<FactorStoreException>(() => model.Store()).Message, StringComparison.Ordinal);
    }

    [SkippableFact]
    public void A_full_disk_is_reported_as_such()
    {
        Skip.IfNot(File.Exists("/dev/full"), "This system has no /dev/full.");
        using var model = new TinyModel();
        File.CreateSymbolicLink(model.PartialPath, "/dev/full");
        var error = Assert.Throws<FactorStoreException>(() => model.Store());
        Assert.Contains(model.PartialPath, error.Message, StringComparison.Ordinal);
        Assert.Contains("space", error.Message, StringComparison.OrdinalIgnoreCase);
        Assert.False(File.Exists(model.StorePath));
    }

    private static Dictionary<string, float[]> FactorsOf(TinyModel model)
    {
        using var store = FactorStore.TryOpen(model.StorePath, model.Fingerprint)!;
        return store.WeightNames.ToDictionary(static name => name, name => store.TryGet(name, out var factors) ? factors.Basis.ToArray() : []);
    }

    private static void InterlockedMax(ref int location, int value)
    {
        for (var seen = location; seen < value;)
            seen = Interlocked.CompareExchange(ref location, value, seen);
    }
}
