using System.Runtime.InteropServices;
using T2.Gguf;
using T2.Gguf.Quantization;
using T2.Kernels;
using T2.Kernels.Gpu;
using T2.Kernels.Gpu.Driver;

namespace T2.Gpu.Tests;

/// <summary>A plan carried out: the same weights whatever their placement, and copies that run ahead.</summary>
[Collection(OpenClCollection.Name)]
public sealed unsafe class GpuModelRebuilderTests(OpenClFixture openCl)
{
    private static readonly MatrixShape[] s_shapes = [new(96, 64), new(64, 96), new(33, 128), new(128, 32), new(70, 64)];

    [SkippableFact]
    public void Every_placement_writes_the_weights_the_kernels_would()
    {
        using var model = new Model(openCl.Device);
        var z = Model.Vectors(1);
        foreach (var (best, keepBase) in Enum.GetValues<FactorPlacement>().SelectMany(static best => new[] { (best, false), (best, true) }))
        {
            model.Reset();
            using (var rebuilder = model.Rebuilder(best, keepBase))
                model.Rebuild(rebuilder, z);
            for (var i = 0; i < s_shapes.Length; i++)
                // A code or two may differ, where the reference kernel's fp64 sum rounds the other way.
                Assert.True(Matrices.RelativeError(model.Values(i), model.Expected(i, z)) < 1e-3, $"{best}, base kept: {keepBase}, weight {i}");
        }
    }

    [SkippableTheory]
    [InlineData(false)]
    [InlineData(true)]
    public void Ones_give_back_the_base_weights(bool keepBase)
    {
        using var model = new Model(openCl.Device);
        using var rebuilder = model.Rebuilder(FactorPlacement.Streamed, keepBase);
        model.Rebuild(rebuilder, Model.Vectors(2));
        Assert.NotEqual(model.Source(0), model.Live(0));
        model.Rebuild(rebuilder, Model.Ones());
        for (var i = 0; i < s_shapes.Length; i++)
            Assert.Equal(model.Source(i), model.Live(i));
    }

    [SkippableFact]
    public void Leaves_nothing_on_the_device()
    {
        var live = openCl.Device.LiveBuffers;
        using (var model = new Model(openCl.Device))
        using (var rebuilder = model.Rebuilder(FactorPlacement.Resident))
            model.Rebuild(rebuilder, Model.Vectors(3));
        Assert.Equal(live, openCl.Device.LiveBuffers);
    }

    [Fact]
    public void Streamed_factors_travel_while_the_weight_before_is_rebuilt()
    {
        var driver = new FakeCudaDriver();
        using (var device = CudaDevice.Open(driver, 0))
        {
            using var model = new Model(device);
            using var rebuilder = model.Rebuilder(FactorPlacement.Streamed);
            var z = Model.Vectors(4);
            driver.Calls.Clear();
            model.Rebuild(rebuilder, z);

            // Between the first upload and the last rebuild nothing waits on the host.
            var body = driver.Calls.Take(driver.Calls.FindLastIndex(static call => call.StartsWith("LaunchKernel", StringComparison.Ordinal)));
            Assert.DoesNotContain("StreamSynchronize", body);
            // Two uploads a weight on the copy queue; each rebuild waits for its own, and a slot for the rebuild two before.
            Assert.Equal(10, driver.Calls.Count(static call => call.StartsWith("MemcpyHtoDAsync", StringComparison.Ordinal) && call.EndsWith("on copy", StringComparison.Ordinal)));
            Assert.Equal(5, driver.Calls.Count(static call => call == "StreamWaitEvent compute"));
            Assert.Equal(5, driver.Calls.Count(static call => call == "StreamWaitEvent copy"));
            var secondUpload = driver.Calls.FindIndex(driver.Calls.FindIndex(static call => call == "StreamWaitEvent compute"), static call => call.EndsWith("on copy", StringComparison.Ordinal));
            Assert.True(driver.Calls.FindIndex(static call => call == "StreamWaitEvent copy") > secondUpload, "the second slot's upload waited for the first weight");
        }
        Assert.Equal(0, driver.AllocatedBytes);
        Assert.Equal(0, driver.LiveHandles);
        Assert.Equal(1, driver.ContextDepth);
    }

    [Fact]
    public void With_base_and_factors_on_the_device_only_z_comes_from_the_host()
    {
        var driver = new FakeCudaDriver();
        using var device = CudaDevice.Open(driver, 0);
        using var model = new Model(device);
        using var rebuilder = model.Rebuilder(FactorPlacement.Resident, keepBase: true);
        driver.Calls.Clear();
        model.Rebuild(rebuilder, Model.Vectors(6));

        // For each weight, the numbers of the changed singular values and z − 1, four bytes each.
        var uploads = driver.Calls.Where(static call => call.StartsWith("MemcpyHtoDAsync", StringComparison.Ordinal)).Select(static call => int.Parse(call.Split(' ')[1])).ToArray();
        Assert.Equal(2 * s_shapes.Length, uploads.Length);
        Assert.All(uploads, static bytes => Assert.True(bytes <= 4 * 96));
        Assert.DoesNotContain(driver.Calls, static call => call.StartsWith("MemcpyDtoH", StringComparison.Ordinal));
    }

    [Fact]
    public void Factors_share_one_block_of_device_memory()
    {
        var driver = new FakeCudaDriver();
        using var device = CudaDevice.Open(driver, 0);
        using var model = new Model(device);
        driver.Calls.Clear();
        using var rebuilder = model.Rebuilder(FactorPlacement.Resident, keepBase: true);
        // The work space, the base, the factors.
        Assert.Equal(3, driver.Calls.Count(static call => call.StartsWith("MemAlloc", StringComparison.Ordinal)));
    }

    [Fact]
    public void Running_out_of_memory_while_preparing_frees_everything()
    {
        for (var after = 0; ; after++)
        {
            var driver = new FakeCudaDriver();
            using var device = CudaDevice.Open(driver, 0);
            using (var model = new Model(device))
            {
                var held = driver.AllocatedBytes;
                var handles = driver.LiveHandles;
                driver.Fail("MemAlloc", FakeCudaDriver.OutOfMemory, after);
                driver.Fail("MemHostAlloc", FakeCudaDriver.OutOfMemory, after / 2);
                var failed = false;
                try
                {
                    model.Rebuilder(after % 2 == 0 ? FactorPlacement.Resident : FactorPlacement.Streamed).Dispose();
                }
                catch (GpuOutOfMemoryException)
                {
                    failed = true;
                }
                Assert.Equal(held, driver.AllocatedBytes);
                Assert.Equal(handles, driver.LiveHandles);
                if (!failed && after > 12)
                    return;
            }
        }
    }

    [Fact]
    public void A_failure_in_the_middle_releases_its_events()
    {
        var driver = new FakeCudaDriver();
        using var device = CudaDevice.Open(driver, 0);
        using var model = new Model(device);
        using var rebuilder = model.Rebuilder(FactorPlacement.Streamed);
        driver.Fail("LaunchKernel", FakeCudaDriver.IllegalAddress, after: 9);
        var z = Model.Vectors(5);
        var exception = Assert.Throws<GpuException>(() => model.Rebuild(rebuilder, z));
        Assert.StartsWith("cuLaunchKernel of", exception.Message, StringComparison.Ordinal);
        Assert.Equal(0, driver.LiveEvents);
    }

    /// <summary>Five small Q8_0 weights on a device, with their bases.</summary>
    private sealed class Model : IDisposable
    {
        private readonly IGpuDevice _device;
        private readonly byte[][] _sources;
        private readonly GCHandle[] _pins;
        private readonly float[][] _bases;
        private readonly DevicePointer[] _live;

        public Model(IGpuDevice device)
        {
            _device = device;
            var random = new Random(11);
            _sources = Array.ConvertAll(s_shapes, shape =>
            {
                var data = new byte[shape.Length / 32 * 34];
                Quantizer.Quantize(TensorType.Q8_0, Matrices.Random(random, (int)shape.Length, 0.02), data, shape.Columns);
                return data;
            });
            _pins = Array.ConvertAll(_sources, static source => GCHandle.Alloc(source, GCHandleType.Pinned));
            _bases = Array.ConvertAll(s_shapes, shape => Array.ConvertAll(Matrices.Orthonormal(random, shape.Rank), static x => (float)x));
            _live = Array.ConvertAll(_sources, source => device.Allocate(source.Length));
            Reset();
        }

        /// <summary>Puts the base back.</summary>
        public void Reset()
        {
            for (var i = 0; i < _live.Length; i++)
                _device.Upload<byte>(_sources[i], _live[i]);
        }

        /// <summary>Rebuilds every weight where it is.</summary>
        public void Rebuild(GpuModelRebuilder rebuilder, Dictionary<string, ReadOnlyMemory<float>> z)
        {
            try
            {
                for (var i = 0; i < _live.Length; i++)
                    rebuilder.Rebuild(Name(i), _bases[i], z[Name(i)].Span, _live[i], CancellationToken.None);
            }
            finally
            {
                rebuilder.Finish();
            }
        }

        public GpuModelRebuilder Rebuilder(FactorPlacement best, bool keepBase = false)
        {
            var plan = GpuMemoryPlan.For(
                [.. s_shapes.Select(static (shape, i) => (Name(i), TensorType.Q8_0, shape))], 0, 1L << 30,
                new GpuPlanOptions { Best = best, ReservedBytes = 0, PinnedBytes = 1 << 30, KeepBase = keepBase });
            Assert.All(plan.Weights, weight => Assert.Equal(best, weight.Placement));
            var weights = plan.Weights.Select((weight, i) => new DeviceWeight(weight, _pins[i].AddrOfPinnedObject(), _bases[i], _live[i]));
            return new GpuModelRebuilder(_device, plan, [.. weights], new ReferenceKernel(), 1, RebuildPrecision.Single);
        }

        public static Dictionary<string, ReadOnlyMemory<float>> Ones() =>
            s_shapes.Select(static (shape, i) => (Name(i), shape)).ToDictionary(static pair => pair.Item1, static pair => (ReadOnlyMemory<float>)Enumerable.Repeat(1f, pair.shape.Rank).ToArray());

        public static Dictionary<string, ReadOnlyMemory<float>> Vectors(int seed)
        {
            var random = new Random(seed);
            return s_shapes.Select((shape, i) => (Name(i), Enumerable.Range(0, shape.Rank).Select(_ => (float)(0.5 + random.NextDouble())).ToArray()))
                .ToDictionary(static pair => pair.Item1, static pair => (ReadOnlyMemory<float>)pair.Item2);
        }

        public byte[] Source(int i) => _sources[i];

        public byte[] Live(int i)
        {
            var data = new byte[_sources[i].Length];
            _device.Download<byte>(_live[i], data);
            return data;
        }

        public float[] Values(int i) => Read(Live(i));

        public float[] Expected(int i, Dictionary<string, ReadOnlyMemory<float>> z)
        {
            var result = new byte[_sources[i].Length];
            new GpuWeightKernel(_device, RebuildPrecision.Single).Rebuild(
                new RebuildJob
                {
                    Source = _sources[i],
                    SourceType = TensorType.Q8_0,
                    Shape = s_shapes[i],
                    Basis = _bases[i],
                    Z = z[Name(i)].Span,
                    Destination = result,
                    DestinationType = TensorType.Q8_0,
                },
                1, CancellationToken.None);
            return Read(result);
        }

        public void Dispose()
        {
            foreach (var pin in _pins)
                pin.Free();
            foreach (var pointer in _live)
                _device.Free(pointer);
        }

        private static string Name(int i) => $"blk.{i}.ffn_up.weight";

        private static float[] Read(byte[] data)
        {
            var values = new float[data.Length / 34 * 32];
            Quantizer.Dequantize(TensorType.Q8_0, data, values);
            return values;
        }
    }
}
