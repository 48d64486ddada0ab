using System.Text;
using T2.Bench;
using T2.Kernels;

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
}
