using T2.Gguf;
using T2.Kernels;
using T2.Llama;
using T2.Weights;

namespace T2.Runtime.Tests.Weights;

/// <summary>What of a model's file counts as this process's memory, as Linux counts it.</summary>
[Collection(ModelCollection.Name)]
public sealed class LoadedPagesTests(ModelFixture models)
{
    [SkippableFact]
    public async Task A_repacked_weight_is_not_in_memory_a_second_time()
    {
        Skip.IfNot(OperatingSystem.IsLinux());
        var loading = new Loading("Q4_0", LlamaLoadMode.Mmap, true);
        await using var model = await AdaptiveModel.LoadAsync(OwnCopy(loading.Types), loading.Options);
        var repacked = model.Weights.Tensors.Values.Where(static tensor => tensor.Storage == TensorStorage.Repacked).ToArray();
        Skip.If(repacked.Length == 0, "llama.cpp repacks nothing on this CPU.");

        // A weight's first and last page have others' bytes too.
        long own = repacked.Sum(static tensor => tensor.Stored.ByteLength - 2 * Environment.SystemPageSize);
        Assert.True(own > 0);
        Assert.InRange(Resident(model.File.Path), 1, model.File.Length - own);

        // Pages come back with their neighbours' where the mapping goes on: so not these. Every mapped weight is read anew, as a decode on the base would.
        var mapped = model.Weights.Tensors.Values.Where(static tensor => tensor.Storage == TensorStorage.Mapped).ToArray();
        foreach (var tensor in mapped)
            Release(tensor);
        foreach (var tensor in mapped)
            _ = tensor.Pristine.ToArray();
        Assert.True(PagesInMemory(mapped[0], mapped[0]) > 0);
        long first = mapped.Min(static tensor => tensor.Stored.Offset), last = mapped.Max(static tensor => tensor.Stored.Offset);
        Assert.All(repacked.Where(tensor => tensor.Stored.Offset > first && tensor.Stored.Offset < last), tensor => Assert.Equal(0, PagesInMemory(mapped[0], tensor)));
    }

    [SkippableFact]
    public async Task An_experts_weights_take_the_bases_place_in_memory_until_the_base_is_decoded_again()
    {
        Skip.IfNot(OperatingSystem.IsLinux());
        var loading = new Loading("F16", LlamaLoadMode.Mmap, false);
        await using var model = await AdaptiveModel.LoadAsync(OwnCopy(loading.Types), loading.Options);
        float[] before = TestModels.Logits(model);
        var expert = TestModels.RandomExpert(model, "math", seed: 4);
        await model.FactorAsync();
        await model.ApplyAsync(expert);

        long replaced = BlockWeights.List(model.File).Sum(static tensor => tensor.ByteLength);
        // Reading a page maps up to sixteen of its neighbours.
        long slack = BlockWeights.List(model.File).Count * 16L * Environment.SystemPageSize;
        long without = Resident(model.File.Path);
        Assert.InRange(without, 1, model.File.Length - replaced + Math.Min(slack, replaced / 2));

        await model.ResetAsync();
        TestModels.AssertSameBits(before, TestModels.Logits(model));
        Assert.True(Resident(model.File.Path) > without);
    }

    /// <summary>Whole pages of a weight that are in llama.cpp's mapping of the file, which begins where a mapped weight says.</summary>
    private static unsafe int PagesInMemory(LiveTensor mapped, LiveTensor tensor)
    {
        long page = Environment.SystemPageSize;
        long start;
        fixed (byte* data = mapped.Pristine)
            start = (long)data - mapped.Stored.Offset + tensor.Stored.Offset;
        long first = (start + page - 1) / page, end = (start + tensor.Stored.ByteLength) / page;
        byte[] entries = new byte[8 * (end - first)];
        using var file = File.OpenRead("/proc/self/pagemap");
        file.Seek(8 * first, SeekOrigin.Begin);
        file.ReadExactly(entries);
        return Enumerable.Range(0, (int)(end - first)).Count(index => (entries[8 * index + 7] & 0x80) != 0); // bit 63: present
    }

    private static unsafe void Release(LiveTensor mapped)
    {
        fixed (byte* first = mapped.Pristine)
            MappedPages.Release(first, mapped.Stored.ByteLength);
    }

    private string OwnCopy(string types)
    {
        string path = models.File($"pages-{types}-{Guid.NewGuid():n}.gguf");
        File.Copy(models.Model(types), path);
        return path;
    }

    /// <summary>Bytes of the process's mappings of a file that are in memory.</summary>
    private static long Resident(string path)
    {
        long bytes = 0;
        bool isFile = false;
        foreach (string line in File.ReadLines("/proc/self/smaps"))
        {
            string first = line.Split(' ')[0];
            if (!first.EndsWith(':'))
                isFile = line.EndsWith(Path.GetFileName(path), StringComparison.Ordinal);
            else if (isFile && first == "Rss:")
                bytes += long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], System.Globalization.CultureInfo.InvariantCulture) * 1024;
        }
        return bytes;
    }
}
