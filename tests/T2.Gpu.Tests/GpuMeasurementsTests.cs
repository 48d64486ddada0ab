using System.Text;
using T2.Bench;
using T2.Gguf.Quantization;
using T2.Kernels;
using T2.Kernels.Gpu;

namespace T2.Gpu.Tests;

/// <summary>What <c>bench/gpu.sh</c> does where there is a GPU, at sizes PoCL can bear. Its times mean nothing here and are not looked at.</summary>
[Collection(OpenClCollection.Name)]
public sealed class GpuMeasurementsTests(OpenClFixture openCl)
{
    [SkippableFact]
    public void Everything_it_measures_runs_and_is_found_correct()
    {
        var live = openCl.Device.LiveBuffers;
        var measurements = new GpuMeasurements(openCl.Device) { CheckedShape = new MatrixShape(33, 256), Shapes = [new(32, 256)], Blocks = 0, Rounds = 1 };
        var report = new StringBuilder();
        Assert.True(measurements.Correctness(report), report.ToString());
        measurements.Factorise(report);
        measurements.Rebuild(report);
        measurements.Switch(report);
        Assert.Contains("| Q4_K stored and read | same bits |", report.ToString(), StringComparison.Ordinal);
        Assert.Contains("| 32×256 | Q6_K | Half |", report.ToString(), StringComparison.Ordinal);
        Assert.Equal(live, openCl.Device.LiveBuffers);
    }

    [Fact]
    public void Weights_that_are_timed_are_not_zero()
    {
        foreach (var type in GpuKernels.RebuildableTypes)
        {
            var values = new float[150 * 256];
            Quantizer.Dequantize(type, GpuMeasurements.Stored(type, new MatrixShape(150, 256)), values);
            Assert.All(values.Chunk(32), static run => Assert.InRange(run.Max() - run.Min(), 0.01f, 0.2f));
        }
    }

    [Fact]
    public void What_cannot_be_measured_is_said_and_loses_nothing()
    {
        var report = new StringBuilder("measured before");
        Assert.False(GpuMeasurements.Measure(report, static () => throw new GpuOutOfMemoryException("too little")));
        Assert.False(GpuMeasurements.Measure(report, static () => throw new InvalidOperationException("cublasCreate failed with status 1.")));
        Assert.True(GpuMeasurements.Measure(report, () => report.Append("measured after")));
        Assert.Contains("Stopped: too little", report.ToString(), StringComparison.Ordinal);
        Assert.EndsWith("measured after", report.ToString(), StringComparison.Ordinal);
    }
}
