using T2.Gguf;
using T2.Kernels;
using T2.Kernels.Gpu;
using T2.TestKit;

namespace T2.Gpu.Tests;

public sealed class GpuMemoryPlanTests
{
    private const long GiB = 1L << 30;

    /// <summary>Shapes of Llama-3-8B's seven weights a block, as Q4_K with the usual Q6_K exceptions.</summary>
    private static readonly (string Name, TensorType Type, MatrixShape Shape)[] s_llama8B =
        [.. Enumerable.Range(0, 32).SelectMany(static block => new (string, TensorType, MatrixShape)[]
        {
            ($"blk.{block}.attn_q.weight", TensorType.Q4_K, new(4096, 4096)),
            ($"blk.{block}.attn_k.weight", TensorType.Q4_K, new(1024, 4096)),
            ($"blk.{block}.attn_v.weight", TensorType.Q6_K, new(1024, 4096)),
            ($"blk.{block}.attn_output.weight", TensorType.Q4_K, new(4096, 4096)),
            ($"blk.{block}.ffn_gate.weight", TensorType.Q4_K, new(14336, 4096)),
            ($"blk.{block}.ffn_up.weight", TensorType.Q4_K, new(14336, 4096)),
            ($"blk.{block}.ffn_down.weight", TensorType.Q6_K, new(4096, 14336)),
        })];

    private const long Llama8BBytes = 4_920_000_000;

    [Fact]
    public void A_large_gpu_keeps_every_factor()
    {
        var plan = GpuMemoryPlan.For(s_llama8B, Llama8BBytes, 80 * GiB, new GpuPlanOptions());
        Assert.All(plan.Weights, static weight => Assert.Equal((FactorPlacement.Resident, ""), (weight.Placement, weight.Reason)));
        Assert.Equal(32 * ((5 * 4096L * 4096 * 4) + (2 * 1024 * 1024 * 4)), plan.ResidentBytes);
        Assert.Equal(0, plan.StreamedBytes);
        Assert.True(plan.FreeBytes > 0);
    }

    [Fact]
    public void What_is_left_holds_a_copy_of_the_base_and_then_experts()
    {
        long weights = s_llama8B.Sum(static weight => TensorTypes.Info(weight.Type).BytesFor(weight.Shape.Columns) * weight.Shape.Rows);
        var plan = GpuMemoryPlan.For(s_llama8B, Llama8BBytes, 80 * GiB, new GpuPlanOptions());
        Assert.Equal((true, weights, 0), (plan.KeepsBase, plan.ExpertBytes, plan.SlotBytes));
        Assert.Equal(80 * GiB, plan.ModelBytes + plan.ReservedBytes + plan.WorkspaceBytes + plan.ResidentBytes + weights + plan.FreeBytes);
        Assert.Equal(plan.FreeBytes / weights, plan.Experts);

        var without = GpuMemoryPlan.For(s_llama8B, Llama8BBytes, 80 * GiB, new GpuPlanOptions { KeepBase = false });
        Assert.False(without.KeepsBase);
        Assert.Equal(plan.FreeBytes + weights, without.FreeBytes + (2 * without.SlotBytes));
        Assert.Contains("rebuilds and resets upload weights from the file", without.ToString(), StringComparison.Ordinal);

        // Just too little for the copy, and then just enough.
        long least = 80 * GiB - without.FreeBytes + weights;
        Assert.Equal((false, true), (At(least - 1).KeepsBase, At(least).KeepsBase));
        Assert.True(At(least).FreeBytes >= 0);

        static GpuMemoryPlan At(long vram) => GpuMemoryPlan.For(s_llama8B, Llama8BBytes, vram, new GpuPlanOptions());
    }

    [Fact]
    public void A_middling_gpu_keeps_some_and_streams_the_rest()
    {
        var plan = GpuMemoryPlan.For(s_llama8B, Llama8BBytes, 12 * GiB, new GpuPlanOptions { PinnedBytes = 32 * GiB });
        Assert.Contains(plan.Weights, static weight => weight.Placement == FactorPlacement.Resident);
        Assert.Contains(plan.Weights, static weight => weight.Placement == FactorPlacement.Streamed);
        Assert.DoesNotContain(plan.Weights, static weight => weight.Placement == FactorPlacement.Cpu);
        Assert.InRange(plan.FreeBytes, 0, 64L << 20);
    }

    [Fact]
    public void Factors_beyond_the_page_locked_allowance_go_to_the_cpu()
    {
        var plan = GpuMemoryPlan.For(s_llama8B, Llama8BBytes, 12 * GiB, new GpuPlanOptions { PinnedBytes = GiB });
        Assert.InRange(plan.StreamedBytes, 1, GiB);
        Assert.Contains(plan.Weights, static weight => weight.Placement == FactorPlacement.Cpu && weight.Reason.Contains("page-locked", StringComparison.Ordinal));
    }

    [Fact]
    public void A_gpu_too_small_for_the_work_space_leaves_the_large_weights_to_the_cpu()
    {
        var plan = GpuMemoryPlan.For(s_llama8B, Llama8BBytes, Llama8BBytes + GiB + (80L << 20), new GpuPlanOptions { PinnedBytes = 32 * GiB });
        Assert.All(plan.Weights, static weight => Assert.Equal(weight.Shape.Rank == 4096, weight.Placement == FactorPlacement.Cpu));
        Assert.True(plan.FreeBytes >= 0);
    }

    [Fact]
    public void A_gpu_the_model_does_not_fit_says_so()
    {
        var plan = GpuMemoryPlan.For(s_llama8B, Llama8BBytes, 4 * GiB, new GpuPlanOptions());
        Assert.All(plan.Weights, static weight => Assert.Equal(FactorPlacement.Cpu, weight.Placement));
        Assert.True(plan.FreeBytes < 0);
        Assert.Contains("too little", plan.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(FactorPlacement.Streamed)]
    [InlineData(FactorPlacement.Cpu)]
    public void An_option_holds_weights_to_a_lesser_placement(FactorPlacement best)
    {
        var plan = GpuMemoryPlan.For(s_llama8B, Llama8BBytes, 80 * GiB, new GpuPlanOptions { Best = best, PinnedBytes = 32 * GiB });
        Assert.All(plan.Weights, weight => Assert.Equal((best, "as asked"), (weight.Placement, weight.Reason)));
    }

    [Fact]
    public void Types_without_kernels_go_to_the_cpu_by_name()
    {
        var plan = GpuMemoryPlan.For([("blk.0.ffn_up.weight", TensorType.Q5_0, new MatrixShape(4864, 896))], GiB, 80 * GiB, new GpuPlanOptions());
        Assert.Equal((FactorPlacement.Cpu, "no GPU kernel stores Q5_0"), (plan.Weights[0].Placement, plan.Weights[0].Reason));
        Assert.Equal(0, plan.WorkspaceBytes + plan.SlotBytes);
    }

    [Fact]
    public void No_budget_is_ever_exceeded_and_more_memory_is_never_worse()
    {
        // Fewer weights on the CPU come first; among equals, more resident factors.
        var best = (OnDevice: -1, Resident: -1L);
        for (var vram = Llama8BBytes + GiB; vram < 20 * GiB; vram += 100L << 20)
        {
            var plan = GpuMemoryPlan.For(s_llama8B, Llama8BBytes, vram, new GpuPlanOptions { PinnedBytes = 32 * GiB });
            Assert.True(plan.FreeBytes >= 0, $"{vram}: {plan.FreeBytes}");
            var now = (plan.Weights.Count(static weight => weight.Placement != FactorPlacement.Cpu), plan.ResidentBytes);
            Assert.True(now.CompareTo(best) >= 0, $"{vram}: {now} after {best}");
            best = now;
        }
        Assert.True(best.Resident > 8 * GiB);
    }

    [Fact]
    public void Prints_a_line_for_every_kind_of_weight()
    {
        var text = GpuMemoryPlan.For(s_llama8B, Llama8BBytes, 12 * GiB, new GpuPlanOptions { PinnedBytes = 32 * GiB }).ToString();
        Assert.Contains("| ffn_down | 32 | Q6_K | 4096×14336 | 64.0 MiB |", text, StringComparison.Ordinal);
        Assert.Contains("| attn_k | 32 | Q4_K | 1024×4096 | 4.0 MiB |", text, StringComparison.Ordinal);
        Assert.Contains("of 12.00 GiB: model 4.58 GiB, KV cache and compute 1.00 GiB", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Plans_a_model_file()
    {
        using var folder = new TempFolder();
        var path = folder.File("model.gguf");
        SyntheticModel.Write(path, SyntheticModelSpec.Tiny256.WithType("q8_0"));
        using var model = GgufFile.Open(path);

        var plan = GpuMemoryPlan.For(model, GiB, new GpuPlanOptions { ReservedBytes = 0 });
        Assert.Equal(BlockWeights.List(model).Count, plan.Weights.Count);
        Assert.Equal(model.Tensors.Sum(static tensor => tensor.ByteLength), plan.ModelBytes);

        var one = GpuMemoryPlan.For(model, GiB, new GpuPlanOptions { Weights = ["blk.1.ffn_up.weight"] });
        Assert.Equal(["blk.1.ffn_up.weight"], one.Weights.Select(static weight => weight.Name));
        Assert.Throws<ArgumentException>(() => GpuMemoryPlan.For(model, GiB, new GpuPlanOptions { Weights = ["token_embd.weight"] }));
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(37, 300)]
    [InlineData(300, 37)]
    [InlineData(2500, 130)]
    [InlineData(130, 5000)]
    public void The_stated_work_space_is_enough_in_every_precision(int rows, int columns)
    {
        var shape = new MatrixShape(rows, columns);
        foreach (var precision in Enum.GetValues<RebuildPrecision>())
        {
            var driver = new FakeCudaDriver();
            using var device = Kernels.Gpu.Driver.CudaDevice.Open(driver, 0);
            var memory = device.Allocate(shape.Length * 12);
            using var kernel = new GpuWeightKernel(device);
            kernel.Reserve(GpuWeightKernel.RebuildBytes(shape));
            var held = driver.AllocatedBytes;
            var allocations = driver.Calls.Count(static call => call.StartsWith("MemAlloc", StringComparison.Ordinal));
            var z = new float[shape.Rank];
            kernel.Rebuild(new DeviceRebuildJob
            {
                Source = memory,
                SourceType = TensorType.F32,
                Shape = shape,
                Basis = memory,
                Z = z,
                Destination = memory + (shape.Length * 4),
                DestinationType = TensorType.F32,
                Precision = precision,
            });
            Assert.Equal(held, driver.AllocatedBytes);
            Assert.Equal(allocations, driver.Calls.Count(static call => call.StartsWith("MemAlloc", StringComparison.Ordinal)));
            device.Free(memory);
        }
    }
}
