using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using T2.Gguf;
using T2.Kernels.Gpu;
using T2.Kernels.Gpu.Driver;
using T2.Llama;
using T2.Runtime;
using T2.Runtime.Tests;
using T2.TestKit;
using T2.Weights;

namespace T2.Gpu.Tests;

/// <summary>
/// The runtime on weights that lie on a device: llama.cpp's tensors in host memory, taken for tensors on a device whose memory is the host's and whose kernels
/// run through OpenCL. All but CUDA's own copies and launches is what runs on a GPU.
/// </summary>
[Collection(OpenClCollection.Name)]
public sealed class DeviceAdaptationTests(OpenClFixture openCl, ModelFixture models) : IClassFixture<ModelFixture>
{
    [SkippableTheory]
    [InlineData("F32", 2e-4)]
    [InlineData("F16", 1e-3)]
    [InlineData("Q8_0", 2e-2)]
    [InlineData("Q4_0", 2e-2)]
    [InlineData("Q4_K_M", 5e-2)]
    // No kernel of the device stores it: rebuilt on the CPU, uploaded.
    [InlineData("Q5_0", 5e-2)]
    public async Task The_device_computes_what_the_CPU_does_and_comes_back_bit_for_bit(string types, double tolerance)
    {
        var device = new HostDevice(openCl.Device);
        await using (var model = await LoadAsync(device, types))
        await using (var onCpu = await AdaptiveModel.LoadAsync(models.Model(types), Options with { Kernel = "reference" }))
        {
            var expert = TestModels.RandomExpert(model, "e", 1);
            float[] before = TestModels.Logits(model);
            var report = await model.ApplyAsync(expert);
            Assert.Equal((expert.Vectors.Count, expert.Vectors.Count, 0), (report.Rebuilt, report.OnDevice, report.InPlace));
            await onCpu.ApplyAsync(expert);
            float[] expected = TestModels.Logits(onCpu), adapted = TestModels.Logits(model);
            Assert.True(Distance(before, expected) > 0.1, "The expert changes nothing.");
            Assert.True(Distance(adapted, expected) <= tolerance, $"{Distance(adapted, expected)}");

            await model.ResetAsync();
            TestModels.AssertSameBits(before, TestModels.Logits(model));
            TestModels.AssertPristine(model);
        }
        Assert.Equal(0, device.LiveBuffers);
    }

    /// <summary>The same through the launcher and its tensor-core kernels, with a driver in CUDA's place.</summary>
    [SkippableFact]
    public async Task The_launcher_adapts_a_model_and_leaves_nothing_behind()
    {
        var memory = new HostDevice(openCl.Device);
        var driver = new FakeCudaDriver(memory);
        var device = CudaDevice.Open(driver, 0);
        await using (var model = await AdaptiveModel.LoadAsync(models.Model("Q8_0"), Options with { GpuOverride = _ => device }))
        await using (var onCpu = await AdaptiveModel.LoadAsync(models.Model("Q8_0"), Options with { Kernel = "reference" }))
        {
            float[] before = TestModels.Logits(model);
            foreach (var expert in new[] { TestModels.RandomExpert(model, "a", 25), TestModels.RandomExpert(model, "b", 26) })
            {
                await model.ApplyAsync(expert);
                await onCpu.ApplyAsync(expert);
                Assert.InRange(Distance(TestModels.Logits(model), TestModels.Logits(onCpu)), 0, 2e-2);
            }
            Assert.Contains(driver.Launches, static launch => launch.Kernel == GpuKernels.MmaHalf.EntryPoint);
            await model.ResetAsync();
            TestModels.AssertSameBits(before, TestModels.Logits(model));
        }
        Assert.Equal((0, 0, 0, 0, 1), (driver.AllocatedBytes, driver.LiveHandles, driver.Retained, memory.LiveBuffers, driver.ContextDepth));
    }

    [SkippableFact]
    public async Task With_room_nothing_but_z_comes_from_the_host_and_a_kept_expert_is_a_copy()
    {
        var device = new HostDevice(openCl.Device);
        await using var model = await LoadAsync(device, "Q8_0");
        var expert = TestModels.RandomExpert(model, "e", 2);
        await model.ApplyAsync(TestModels.RandomExpert(model, "first", 3));

        (device.Uploaded, device.Waits) = (0, 0);
        await model.ApplyAsync(expert);
        Assert.True(device.Waits > 0, "llama.cpp might still have been reading.");
        // The numbers of the changed singular values and z − 1.
        Assert.InRange(device.Uploaded, 1, 8 * expert.Vectors.Values.Sum(static z => z.Length));
        float[] adapted = TestModels.Logits(model);

        (device.Uploaded, device.Launches) = (0, 0);
        await model.ResetAsync();
        var report = await model.ApplyAsync(expert);
        Assert.Equal((0, expert.Vectors.Count), (report.Rebuilt, report.OnDevice));
        Assert.Equal((0, 0), (device.Uploaded, device.Launches));
        TestModels.AssertSameBits(adapted, TestModels.Logits(model));
        Assert.Equal((0, true), (model.PreparedBytes, model.PreparedDeviceBytes > 0));
    }

    [SkippableTheory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Without_room_experts_are_written_in_place_and_the_base_comes_back(bool keepBase)
    {
        var device = new HostDevice(openCl.Device);
        await using var roomy = await LoadAsync(new HostDevice(openCl.Device), "Q8_0");
        await using var model = await LoadAsync(device, "Q8_0", Options with { PreparedBytes = 0, GpuPlan = new GpuPlanOptions { KeepBase = keepBase } });
        float[] before = TestModels.Logits(model);
        // The second leaves weights alone that the first changes.
        var experts = new[] { TestModels.RandomExpert(model, "a", 4), TestModels.RandomExpert(model, "b", 5, include: static name => name.Contains("ffn", StringComparison.Ordinal)) };
        foreach (var expert in experts.Concat(experts))
        {
            var report = await model.ApplyAsync(expert);
            Assert.Equal((expert.Vectors.Count, expert.Vectors.Count), (report.Rebuilt, report.InPlace));
            await roomy.ApplyAsync(expert);
            TestModels.AssertSameBits(TestModels.Logits(roomy), TestModels.Logits(model));
        }
        Assert.Equal(0, model.PreparedDeviceBytes);
        await model.ResetAsync();
        TestModels.AssertSameBits(before, TestModels.Logits(model));
    }

    [SkippableTheory]
    [InlineData(1L << 30)]
    [InlineData(0)]
    public async Task A_model_over_two_devices_and_the_CPU_is_on_one_expert_everywhere(long preparedBytes)
    {
        HostDevice first = new(openCl.Device), second = new(openCl.Device);
        var options = Options with
        {
            PreparedBytes = preparedBytes,
            GpuOverride = tensor => tensor.Name.StartsWith("blk.0.", StringComparison.Ordinal) ? first : tensor.Name.Contains("ffn", StringComparison.Ordinal) ? second : null,
        };
        await using (var model = await AdaptiveModel.LoadAsync(models.Model("Q8_0"), options))
        await using (var onOne = await LoadAsync(new HostDevice(openCl.Device), "Q8_0"))
        await using (var onCpu = await AdaptiveModel.LoadAsync(models.Model("Q8_0"), Options))
        {
            float[] before = TestModels.Logits(model);
            int there = 7 + 3, weights = 14;
            Gguf.Experts.Expert[] experts = [TestModels.RandomExpert(model, "a", 22), TestModels.RandomExpert(model, "b", 23)];
            foreach (var expert in experts.Concat(experts))
            {
                var report = await model.ApplyAsync(expert);
                Assert.Equal((weights, there, preparedBytes > 0 ? 0 : there), (report.Weights, report.OnDevice, report.InPlace));
                await onOne.ApplyAsync(expert);
                await onCpu.ApplyAsync(expert);
                foreach (var (name, tensor) in model.Weights.Tensors)
                    Assert.True(Bytes(tensor).SequenceEqual(Bytes((tensor.Device is null ? onCpu : onOne).Weights.Tensors[name])), name);
            }
            await model.ResetAsync();
            TestModels.AssertSameBits(before, TestModels.Logits(model));

            // One device fails: all of the model is on its base.
            await model.ApplyAsync(experts[0]);
            (second.CallsBeforeFailure, second.Failures) = (3, 1);
            await Assert.ThrowsAsync<GpuException>(() => model.ApplyAsync(TestModels.RandomExpert(model, "c", 24)));
            TestModels.AssertSameBits(before, TestModels.Logits(model));
        }
        Assert.Equal((0, 0), (first.LiveBuffers, second.LiveBuffers));
    }

    [SkippableFact]
    public async Task A_device_that_fills_up_writes_in_place_from_then_on()
    {
        var device = new HostDevice(openCl.Device);
        await using var model = await LoadAsync(device, "Q8_0");
        await model.ApplyAsync(TestModels.RandomExpert(model, "a", 6));
        device.Capacity = device.Capacity - device.Memory.Free + 100;
        var report = await model.ApplyAsync(TestModels.RandomExpert(model, "b", 7));
        Assert.Equal(report.Weights, report.InPlace);
    }

    [SkippableFact]
    public async Task Experts_beyond_the_budget_are_given_up_least_recently_used_first()
    {
        var device = new HostDevice(openCl.Device);
        long bytes = BlockWeightBytes("Q8_0");
        await using var model = await LoadAsync(device, "Q8_0", Options with { PreparedBytes = bytes * 5 / 2 });
        var (a, b, c) = (TestModels.RandomExpert(model, "a", 8), TestModels.RandomExpert(model, "b", 9), TestModels.RandomExpert(model, "c", 10));
        int weights = a.Vectors.Count;
        foreach (var (expert, rebuilt) in new[] { (a, weights), (b, weights), (a, 0), (c, weights), (a, 0), (b, weights) })
        {
            Assert.Equal(rebuilt, (await model.ApplyAsync(expert)).Rebuilt);
            Assert.InRange(model.PreparedDeviceBytes, bytes, bytes * 5 / 2);
        }
    }

    [SkippableTheory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_failure_anywhere_leaves_the_base_and_the_next_try_works(bool inPlace)
    {
        var device = new HostDevice(openCl.Device);
        await using var model = await LoadAsync(device, "Q8_0", inPlace ? Options with { PreparedBytes = 0 } : Options);
        var (first, second) = (Two(model, "first", 11), Two(model, "second", 12));
        float[] before = TestModels.Logits(model);
        await model.ApplyAsync(second);
        float[] expected = TestModels.Logits(model);
        for (int calls = 0; ; calls++)
        {
            await model.ApplyAsync(first);
            // An object of its own, so that nothing is kept of it.
            var again = second.With(name: $"again {calls}");
            (device.CallsBeforeFailure, device.Failures) = (calls, 1);
            try
            {
                await model.ApplyAsync(again);
                device.Failures = 0;
                Assert.True(calls > 10, $"{calls}");
                break;
            }
            catch (GpuException exception)
            {
                Assert.Contains("as asked", exception.Message, StringComparison.Ordinal);
            }
            Assert.Null(model.CurrentExpert);
            TestModels.AssertSameBits(before, TestModels.Logits(model));
        }
        TestModels.AssertSameBits(expected, TestModels.Logits(model));
        await model.ResetAsync();
        TestModels.AssertSameBits(before, TestModels.Logits(model));
    }

    [SkippableTheory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_device_that_has_failed_for_good_answers_nothing_until_the_base_is_back(bool losesWork)
    {
        var device = new HostDevice(openCl.Device);
        await using var model = await LoadAsync(device, "Q8_0", Options with { PreparedBytes = 0 });
        float[] before = TestModels.Logits(model);
        await using var session = model.CreateSession(new SessionOptions { ContextLength = 64, Threads = 1 });
        await model.ApplyAsync(Two(model, "first", 13));
        device.IsBroken = losesWork;
        (device.CallsBeforeFailure, device.Failures) = (1, losesWork ? 0 : int.MaxValue);
        await Assert.ThrowsAsync<GpuException>(() => model.ApplyAsync(Two(model, "second", 14)));
        await Assert.ThrowsAsync<GpuException>(() => model.ResetAsync());
        await AssertAnswersNothing(session);
        (device.Failures, device.IsBroken) = (0, false);
        await model.ResetAsync();
        TestModels.AssertSameBits(before, TestModels.Logits(model));
    }

    [SkippableTheory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Of_a_device_that_fails_in_everything_the_first_failure_is_reported(bool inPlace)
    {
        var device = new HostDevice(openCl.Device);
        await using var model = await LoadAsync(device, "Q8_0", inPlace ? Options with { PreparedBytes = 0 } : Options);
        var first = Two(model, "first", 30);
        var called = new HashSet<string>();
        for (int calls = 0; ; calls++)
        {
            await model.ApplyAsync(first);
            (device.CallsBeforeFailure, device.Failures, device.FirstFailed) = (calls, int.MaxValue, null);
            var exception = await Record.ExceptionAsync(() => model.ApplyAsync(Two(model, $"second {calls}", 31)));
            if (exception is null)
                break;
            Assert.IsType<GpuException>(exception);
            Assert.EndsWith($"in {device.FirstFailed}.", exception.Message, StringComparison.Ordinal);
            called.Add(device.FirstFailed!);
            device.Failures = 0;
            await model.ResetAsync();
        }
        device.Failures = 0;
        Assert.Superset(new HashSet<string> { "Launch", "Upload", "Synchronize" }, called);
    }

    /// <summary>llama.cpp ends the process at the first call that a lost GPU fails, and frees memory by such calls.</summary>
    [SkippableFact]
    public async Task Of_a_device_that_is_lost_before_anything_was_changed_llama_is_asked_nothing_any_more()
    {
        var device = new HostDevice(openCl.Device);
        LlamaModel native;
        LlamaContext context;
        await using (var model = await LoadAsync(device, "Q8_0"))
        {
            native = model.Native;
            await using var session = model.CreateSession(new SessionOptions { ContextLength = 64, Threads = 1 });
            var open = new AdaptedContext(native, model.Adapter, new LlamaContextOptions { ContextLength = 32, BatchSize = 32, MicroBatchSize = 32, Threads = 1, BatchThreads = 1 });
            context = open.Native;
            device.IsBroken = true;
            await Assert.ThrowsAsync<GpuException>(() => model.ApplyAsync(Two(model, "first", 27)));
            await AssertAnswersNothing(session);
            Assert.Throws<GpuException>(() => model.CreateSession(new SessionOptions { ContextLength = 64, Threads = 1 }));
            open.Dispose();
        }
        Assert.True(native.IsAbandoned);
        Assert.True(context.Handle.IsClosed);
        Assert.Contains("only a new process", Assert.Throws<LlamaException>(() => LlamaModel.Load(models.Model("Q8_0"), new LlamaModelOptions { GpuLayers = 1 })).Message, StringComparison.Ordinal);
        // Once the device works again everything is freed.
        device.IsBroken = false;
        await using (var model = await LoadAsync(device, "Q8_0"))
            native = model.Native;
        Assert.False(native.IsAbandoned);
    }

    /// <summary>Waiting for a whole device while llama.cpp records a CUDA graph on it spoils the graph, for which llama.cpp ends the process.</summary>
    [SkippableFact]
    public async Task The_device_is_not_waited_for_while_another_model_decodes()
    {
        var device = new HostDevice(openCl.Device);
        await using var model = await LoadAsync(device, "Q8_0");
        await using var other = await AdaptiveModel.LoadAsync(models.Model("F32"), Options);
        await model.ApplyAsync(Two(model, "first", 28));
        int waits = device.Waits;

        var decode = Task.Run(() => DecodeHeld(other.Native));
        s_held.Wait();
        var apply = model.ApplyAsync(Two(model, "second", 29));
        await Task.WhenAny(apply, Task.Delay(500));
        bool isEarly = apply.IsCompleted || device.Waits > waits;
        s_release.Set();
        await decode;
        await apply;
        Assert.False(isEarly);
        Assert.True(device.Waits > waits);
    }

    [SkippableTheory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Cancelling_in_the_middle_leaves_the_base(bool inPlace)
    {
        var device = new HostDevice(openCl.Device);
        await using var model = await LoadAsync(device, "Q8_0", inPlace ? Options with { PreparedBytes = 0 } : Options);
        float[] before = TestModels.Logits(model);
        await model.ApplyAsync(TestModels.RandomExpert(model, "first", 15));
        using var source = new CancellationTokenSource();
        int launches = 0;
        device.Launched = _ =>
        {
            if (++launches == 9)
                source.Cancel();
        };
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => model.ApplyAsync(TestModels.RandomExpert(model, "second", 16), null, source.Token));
        Assert.True(launches >= 9);
        TestModels.AssertSameBits(before, TestModels.Logits(model));
    }

    [SkippableFact]
    public async Task A_device_that_computes_something_else_is_found_before_it_changes_the_model()
    {
        var device = new HostDevice(openCl.Device);
        await using var model = await LoadAsync(device, "Q8_0");
        float[] before = TestModels.Logits(model);
        // A product of nothing: what a kernel that never ran would leave.
        device.Skipped = static kernel => kernel == GpuKernels.AddProduct;
        var exception = await Assert.ThrowsAsync<GpuException>(() => model.ApplyAsync(TestModels.RandomExpert(model, "e", 17)));
        Assert.Contains("rebuilds Q8_0 weights wrongly", exception.Message, StringComparison.Ordinal);
        TestModels.AssertSameBits(before, TestModels.Logits(model));
    }

    [SkippableFact]
    public async Task A_device_with_other_bytes_than_the_file_is_refused()
    {
        var device = new HostDevice(openCl.Device) { Misread = static value => (byte)(value ^ 1) };
        var exception = await Assert.ThrowsAsync<WeightAccessException>(() => LoadAsync(device, "Q8_0"));
        Assert.Contains("does not hold the file's bytes", exception.Message, StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task Prepared_files_hold_what_the_device_made()
    {
        using var folder = new TempFolder();
        var options = Options with { PreparedDirectory = folder.File("prepared") };
        float[] expected;
        Gguf.Experts.Expert expert;
        await using (var model = await LoadAsync(new HostDevice(openCl.Device), "Q4_K_M", options))
        {
            expert = TestModels.RandomExpert(model, "e", 18);
            Assert.Equal((expert.Vectors.Count, 0), ((await model.ApplyAsync(expert)) is var made ? made.Rebuilt : 0, 0));
            expected = TestModels.Logits(model);
        }
        await using (var model = await LoadAsync(new HostDevice(openCl.Device), "Q4_K_M", options))
        {
            var report = await model.ApplyAsync(expert);
            Assert.Equal((0, expert.Vectors.Count, expert.Vectors.Count), (report.Rebuilt, report.Loaded, report.OnDevice));
            TestModels.AssertSameBits(expected, TestModels.Logits(model));
        }
        // The CPU's kernel has files of its own.
        await using (var model = await AdaptiveModel.LoadAsync(models.Model("Q4_K_M"), options))
            Assert.Equal(0, (await model.ApplyAsync(expert)).Loaded);
    }

    [SkippableFact]
    public async Task Mixtures_are_rebuilt_from_z()
    {
        await using var model = await LoadAsync(new HostDevice(openCl.Device), "Q8_0");
        var (a, b) = (TestModels.RandomExpert(model, "a", 19), TestModels.RandomExpert(model, "b", 20));
        var exception = await Assert.ThrowsAsync<NotSupportedException>(() => model.KeepDeltasAsync([a, b]));
        Assert.Contains("rebuilds mixtures from their z", exception.Message, StringComparison.Ordinal);
        var report = await model.ApplyAsync(Gguf.Experts.Expert.Mix([(a, 0.5f), (b, 0.5f)], "half"));
        Assert.Equal((a.Vectors.Count, 0), (report.Rebuilt, report.Mixed));
    }

    [SkippableFact]
    public async Task A_kernel_asked_for_by_name_does_the_work_itself()
    {
        var device = new HostDevice(openCl.Device);
        await using var model = await LoadAsync(device, "Q8_0", Options with { Kernel = "reference" });
        var report = await model.ApplyAsync(TestModels.RandomExpert(model, "e", 21));
        Assert.Equal((0, 0), (report.OnDevice, device.Launches));
    }

    private static readonly ManualResetEventSlim s_held = new(), s_release = new();

    /// <summary>Decodes a token; the decode stands still until it is released.</summary>
    private static unsafe void DecodeHeld(LlamaModel model)
    {
        using var context = LlamaContext.Create(model, new LlamaContextOptions
        {
            ContextLength = 32,
            BatchSize = 32,
            MicroBatchSize = 32,
            MaxSequences = 1,
            Threads = 1,
            BatchThreads = 1,
            EvalCallback = (nint)(delegate* unmanaged[Cdecl]<void*, byte, void*, byte>)&Hold,
        });
        var batch = new LlamaBatch(1);
        batch.Add(0, 0, 0, true);
        context.Decode(batch);
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static unsafe byte Hold(void* node, byte ask, void* state)
    {
        s_held.Set();
        s_release.Wait();
        return (byte)(ask == 0 ? 1 : 0);
    }

    private static Task AssertAnswersNothing(AdaptiveSession session) => Assert.ThrowsAsync<GpuException>(async () =>
    {
        await foreach (string piece in session.AskAsync("a", new AskOptions { MaxTokens = 1 }))
            Assert.Fail($"It answered '{piece}'.");
    });

    private static ModelOptions Options => new Loading("", LlamaLoadMode.None, false, ByCopy: true).Options;

    private Task<AdaptiveModel> LoadAsync(HostDevice device, string types, ModelOptions? options = null) =>
        AdaptiveModel.LoadAsync(models.Model(types), (options ?? Options) with { GpuOverride = _ => device });

    private long BlockWeightBytes(string types)
    {
        using var file = GgufFile.Open(models.Model(types));
        return Kernels.BlockWeights.List(file).Sum(static tensor => tensor.ByteLength);
    }

    /// <summary>An expert of two weights: few calls.</summary>
    private static Gguf.Experts.Expert Two(AdaptiveModel model, string name, int seed) =>
        TestModels.RandomExpert(model, name, seed, include: static name => name is "blk.0.attn_v.weight" or "blk.1.ffn_up.weight");

    /// <summary>What the model computes with, which lies on the host after all.</summary>
    private static unsafe ReadOnlySpan<byte> Bytes(LiveTensor tensor) => new((void*)tensor.Address, (int)tensor.Stored.ByteLength);

    private static double Distance(float[] values, float[] expected) =>
        Math.Sqrt(values.Zip(expected, static (value, other) => Math.Pow(value - (double)other, 2)).Sum() / expected.Sum(static value => (double)value * value));
}
