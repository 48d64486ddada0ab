using T2.Gguf;
using T2.Kernels;
using T2.Kernels.Gpu;
using T2.Kernels.Gpu.Driver;

namespace T2.Gpu.Tests;

/// <summary>The launcher against a driver that writes everything down.</summary>
public sealed class CudaDeviceTests
{
    private static readonly MatrixShape s_shape = new(300, 256);

    [Fact]
    public void Waiting_for_others_waits_for_the_whole_context_and_reports_what_failed_there()
    {
        var driver = new FakeCudaDriver();
        using var device = CudaDevice.Open(driver, 0);
        device.WaitForOthers();
        Assert.Contains("CtxSynchronize", driver.Calls);
        driver.Fail("CtxSynchronize", FakeCudaDriver.IllegalAddress);
        var exception = Assert.Throws<GpuException>(device.WaitForOthers);
        Assert.StartsWith("cuCtxSynchronize failed", exception.Message, StringComparison.Ordinal);
        Assert.Equal(1, driver.ContextDepth);
    }

    [Fact]
    public void Works_in_the_primary_context_and_leaves_the_callers_context_current()
    {
        var driver = new FakeCudaDriver();
        using (var device = CudaDevice.Open(driver, 0))
        {
            Assert.Equal(1, driver.Retained);
            var pointer = device.Allocate(1000);
            Assert.Equal(0, driver.CurrentContext);
            device.Clear(pointer, 1000);
            device.Synchronize();
            device.Free(pointer);
            Assert.Equal(0, driver.CurrentContext);
            Assert.Equal(1, driver.ContextDepth);
        }
        Assert.Equal(0, driver.Retained);
        Assert.Equal(0, driver.LiveHandles);
        Assert.Equal(1, driver.ContextDepth);
    }

    [Fact]
    public void Streams_do_not_wait_for_the_default_stream()
    {
        var driver = new FakeCudaDriver();
        using var device = CudaDevice.Open(driver, 0);
        Assert.Equal(2, driver.Calls.Count(static call => call == "StreamCreate 1"));
    }

    [Fact]
    public void A_rebuild_launches_its_kernels_in_order_and_frees_its_work_space()
    {
        var driver = new FakeCudaDriver();
        using var device = CudaDevice.Open(driver, 0);
        RebuildOn(device, RebuildPrecision.Auto);

        Assert.Equal(
            ["t2_form_square", "t2_pack_f16", "t2_dequantize_q8_0", "t2_pack_f16", "t2_mma_f16", "t2_quantize_q8_0"],
            driver.Launches.Select(static launch => launch.Kernel));
        Assert.Equal(0, driver.AllocatedBytes);
        Assert.Equal(1, driver.ContextDepth);
    }

    [Fact]
    public void Arguments_reach_the_driver_as_the_kernel_declares_them()
    {
        var driver = new FakeCudaDriver();
        using var device = CudaDevice.Open(driver, 0);
        RebuildOn(device, RebuildPrecision.Half);

        var (_, gridX, gridY, threads, words, _) = driver.Launches.Single(static launch => launch.Kernel == "t2_mma_f16");
        // 300×256 += 300×256 · 256×256: three rows and two columns of 128×128 tiles, 8 steps of 32 halves, strides in bytes, C's in values.
        Assert.Equal((2u, 3u, 256u), (gridX, gridY, threads));
        Assert.Equal([512ul, 512ul, 256ul, 300ul, 256ul, 8ul], new[] { words[1], words[3], words[5], words[6], words[7], words[8] });

        var quantize = driver.Launches.Single(static launch => launch.Kernel == "t2_quantize_q8_0");
        // 300 rows of 8 blocks, 128 blocks a thread block; the view of fp32 has 300·256 values, the destination 300·272 bytes.
        Assert.Equal((19u, 1u, 128u), (quantize.GridX, quantize.GridY, quantize.Threads));
        Assert.Equal([300ul * 256, 256ul, 300ul * 272, 272ul, 0ul, 300ul, 256ul], new[] { quantize.Words[1], quantize.Words[2], quantize.Words[4], quantize.Words[5], quantize.Words[6], quantize.Words[7], quantize.Words[8] });
    }

    [Fact]
    public void Doubles_and_singles_keep_their_bits()
    {
        var driver = new FakeCudaDriver();
        using var device = CudaDevice.Open(driver, 0);
        var memory = device.Allocate(1 << 20);
        device.Launch(GpuKernels.AddProduct64, 1, 1, [View(memory), 8, View(memory), 8, View(memory), 8, 8, 8, 8, 0.5d, 1]);
        device.Launch(GpuKernels.AddProduct, 1, 1, [View(memory), 8, View(memory), 8, View(memory), 8, 8, 8, 8, 0.5f, 1]);
        Assert.Equal(BitConverter.DoubleToUInt64Bits(0.5), driver.Launches[0].Words[^2]);
        Assert.Equal(BitConverter.SingleToUInt32Bits(0.5f), driver.Launches[1].Words[^2]);
        device.Free(memory);

        static KernelArgument View(DevicePointer pointer) => KernelArgument.View(pointer, 64);
    }

    [Fact]
    public void An_argument_of_the_wrong_size_never_reaches_the_driver()
    {
        var driver = new FakeCudaDriver();
        using var device = CudaDevice.Open(driver, 0);
        var memory = device.Allocate(1000);
        var wrong = Assert.Throws<ArgumentException>(() => device.Launch(GpuKernels.Identity, 1, 1, [KernelArgument.View(memory, 10), 1.0]));
        Assert.Contains("Argument 1 of identity_f32 takes 4 bytes, but is a Double", wrong.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => device.Launch(GpuKernels.Identity, 1, 1, [KernelArgument.View(memory, 10)]));
        Assert.Empty(driver.Launches);
        Assert.Equal(1, driver.ContextDepth);
    }

    [Fact]
    public void A_kernel_is_loaded_once()
    {
        var driver = new FakeCudaDriver();
        using var device = CudaDevice.Open(driver, 0);
        RebuildOn(device, RebuildPrecision.Single);
        RebuildOn(device, RebuildPrecision.Single);
        Assert.Equal(8, driver.Launches.Count);
        Assert.Equal(4, driver.Calls.Count(static call => call == "ModuleLoadDataEx"));
    }

    [Fact]
    public void A_factorisation_frees_everything_and_balances_the_context()
    {
        var driver = new FakeCudaDriver();
        using var device = CudaDevice.Open(driver, 0);
        var weight = device.Allocate(100 * 70 * sizeof(float));
        var basis = device.Allocate(70 * 70 * sizeof(float));
        // The fake's memory reads as zeros: nothing is off, one sweep of each precision does.
        new GpuWeightKernel(device).Factorize(weight, new MatrixShape(100, 70), new double[70], basis, CancellationToken.None);
        Assert.Equal((100 * 70 * sizeof(float)) + (70 * 70 * sizeof(float)), driver.AllocatedBytes);
        Assert.Contains(driver.Launches, static launch => launch.Kernel == "t2_jacobi_rotation_f64");
        Assert.Equal(1, driver.ContextDepth);
    }

    [Fact]
    public void Every_point_at_which_memory_can_run_out_leaves_nothing_behind()
    {
        for (var after = 0; ; after++)
        {
            var driver = new FakeCudaDriver();
            using var device = CudaDevice.Open(driver, 0);
            driver.Fail("MemAlloc", FakeCudaDriver.OutOfMemory, after);
            GpuOutOfMemoryException? failure = null;
            try
            {
                new GpuWeightKernel(device).Factorize(new float[60 * 50], new MatrixShape(60, 50), new double[50], new float[50 * 50], 1, CancellationToken.None);
            }
            catch (GpuOutOfMemoryException exception)
            {
                failure = exception;
            }
            Assert.Equal(0, driver.AllocatedBytes);
            Assert.Equal(1, driver.ContextDepth);
            if (failure is null)
            {
                Assert.True(after > 10, "few allocations were tried");
                return;
            }
            Assert.Contains("CUDA_ERROR_FAKE", failure.Message, StringComparison.Ordinal);
            Assert.Contains("are free on Fake GPU", failure.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_rebuild_that_does_not_fit_writes_nothing()
    {
        var driver = new FakeCudaDriver();
        using var device = CudaDevice.Open(driver, 0);
        driver.Capacity = 1_000_000;
        Assert.Throws<GpuOutOfMemoryException>(() => RebuildOn(device, RebuildPrecision.Auto));
        Assert.DoesNotContain(driver.Launches, static launch => launch.Kernel.StartsWith("t2_quantize", StringComparison.Ordinal));
        Assert.Equal(0, driver.AllocatedBytes);
    }

    [Fact]
    public void The_first_error_is_the_one_reported_though_cleaning_up_fails_too()
    {
        var driver = new FakeCudaDriver();
        var device = CudaDevice.Open(driver, 0);
        driver.Fail("LaunchKernel", FakeCudaDriver.IllegalAddress, after: 2);
        driver.Fail("MemFree", FakeCudaDriver.IllegalAddress);
        driver.Fail("StreamSynchronize", FakeCudaDriver.IllegalAddress);
        var exception = Assert.Throws<GpuException>(() => RebuildOn(device, RebuildPrecision.Auto));
        Assert.Equal("cuLaunchKernel of dequantize_q8_0 failed: CUDA_ERROR_FAKE (made up).", exception.Message);
        Assert.Equal(1, driver.ContextDepth);
        device.Dispose();
        Assert.Equal(0, driver.Retained);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Pageable_memory_has_been_read_when_an_upload_returns(bool sharesPageTables)
    {
        var driver = new FakeCudaDriver { SharesPageTables = sharesPageTables };
        using var device = CudaDevice.Open(driver, 0);
        var memory = device.Allocate(1000);
        var pinned = device.AllocatePinned(1000);
        driver.Calls.Clear();
        device.Upload<byte>(new byte[1000], memory);
        // Only a GPU that need not have the driver copy it first is waited for.
        Assert.Equal(sharesPageTables ? 1 : 0, driver.Calls.Count(static call => call == "StreamSynchronize"));
        driver.Calls.Clear();
        unsafe
        {
            device.Upload((byte*)pinned + 10, memory, 900, GpuStream.Copy);
        }
        Assert.DoesNotContain("StreamSynchronize", driver.Calls);
        device.FreePinned(pinned);
        device.Free(memory);
    }

    [Fact]
    public void Freeing_in_a_context_that_cannot_be_entered_any_more_hides_nothing()
    {
        var driver = new FakeCudaDriver();
        var device = CudaDevice.Open(driver, 0);
        var memory = device.Allocate(1000);
        var pinned = device.AllocatePinned(1000);
        driver.Fail("StreamSynchronize", FakeCudaDriver.IllegalAddress);
        Assert.Throws<GpuException>(device.Synchronize);
        // What the driver may say to any call after a kernel's failure.
        driver.Fail("CtxPushCurrent", FakeCudaDriver.IllegalAddress);
        device.Free(memory);
        device.FreePinned(pinned);
        Assert.Equal(1, driver.ContextDepth);
        device.Dispose();
        Assert.Equal((0, 1), (driver.Retained, driver.ContextDepth));
    }

    [Fact]
    public void What_the_driver_says_about_a_kernel_is_passed_on()
    {
        var driver = new FakeCudaDriver();
        using var device = CudaDevice.Open(driver, 0);
        driver.Fail("ModuleLoadDataEx", 218);
        var exception = Assert.Throws<GpuException>(() => device.Launch(GpuKernels.Identity, 1, 1, []));
        Assert.Contains("identity_f32", exception.Message, StringComparison.Ordinal);
        Assert.Contains("ptxas: no", exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("DeviceGetName")]
    [InlineData("CtxPushCurrent")]
    [InlineData("StreamCreate")]
    public void A_device_that_fails_to_open_lets_go_of_its_context(string call)
    {
        var driver = new FakeCudaDriver();
        driver.Fail(call, 999, call == "StreamCreate" ? 1 : 0);
        Assert.Throws<GpuException>(() => CudaDevice.Open(driver, 0));
        Assert.Equal(0, driver.Retained);
        Assert.Equal(0, driver.LiveHandles);
        Assert.Equal(1, driver.ContextDepth);
    }

    [Fact]
    public void A_device_that_is_missing_or_too_old_is_named()
    {
        Assert.Contains("no CUDA device 3", Assert.Throws<GpuException>(() => CudaDevice.Open(new FakeCudaDriver(), 3)).Message, StringComparison.Ordinal);
        var old = new FakeCudaDriver { Major = 7 };
        Assert.Contains("Fake GPU has compute capability 7.0", Assert.Throws<GpuException>(() => CudaDevice.Open(old, 0)).Message, StringComparison.Ordinal);
        Assert.Equal(0, old.Retained);
    }

    [Fact]
    public void Without_a_driver_the_reason_is_given()
    {
        if (CudaDriver.TryLoad(out _, out var reason))
            Assert.Empty(reason);
        else
            Assert.NotEmpty(reason);
    }

    private static void RebuildOn(CudaDevice device, RebuildPrecision precision)
    {
        var z = new float[s_shape.Rank];
        z.AsSpan().Fill(1.1f);
        var bytes = TensorTypes.Info(TensorType.Q8_0).BytesFor(s_shape.Columns) * s_shape.Rows;
        new GpuWeightKernel(device, precision).Rebuild(
            new RebuildJob
            {
                Source = new byte[bytes],
                SourceType = TensorType.Q8_0,
                Shape = s_shape,
                Basis = new float[s_shape.Rank * s_shape.Rank],
                Z = z,
                Destination = new byte[bytes],
                DestinationType = TensorType.Q8_0,
            },
            1, CancellationToken.None);
    }
}
