using System.Text;
using T2.Bench;
using T2.Kernels;
using T2.Kernels.Gpu.Driver;

namespace T2.Gpu.Tests;

/// <summary>The comparison with cuBLAS and cuSOLVER, against libraries that are made up: what they are asked is what they should be.</summary>
public sealed class CudaLibraryTests
{
    private static readonly MatrixShape s_shape = new(12, 5);

    public CudaLibraryTests() => FakeCudaLibrary.Reset();

    [Fact]
    public void Products_are_asked_for_as_cuBLAS_counts_and_checked_before_they_are_timed()
    {
        using var device = new HostDevice();
        var report = new StringBuilder();
        Measurements(device).Rebuild(report, FakeCudaLibrary.Find);

        var calls = FakeCudaLibrary.Calls;
        Assert.Equal(["Create", "SetStream 11 77", "Sgemm 11 0 0 20 33 20"], calls[..3]);
        Assert.Contains("Sgemm 11 0 0 5 12 5", calls);
        // TF32 keeps fp32 values (type 0); BF16 is 14 and F16 is 2, both summed in fp32 (68).
        Assert.Contains("GemmEx 5 12 5 types 0 0 0 rows 5 5 5 compute 77 algorithm -1", calls);
        Assert.Contains("GemmEx 5 12 5 types 14 14 14 rows 5 5 5 compute 68 algorithm -1", calls);
        Assert.Contains("GemmEx 5 12 5 types 2 2 2 rows 5 5 5 compute 68 algorithm -1", calls);
        Assert.Equal("Destroy 11", calls[^1]);
        Assert.Contains("| 12×5 | Half |", report.ToString(), StringComparison.Ordinal);
        Assert.Equal(0, device.LiveBuffers);
    }

    [Fact]
    public void A_product_that_is_wrong_is_not_timed()
    {
        using var device = new HostDevice();
        FakeCudaLibrary.Fault = 0.01f;
        var failure = Assert.Throws<InvalidOperationException>(() => Measurements(device).Rebuild(new StringBuilder(), FakeCudaLibrary.Find));
        Assert.Contains("cublasSgemm gives", failure.Message, StringComparison.Ordinal);
        Assert.Equal("Destroy 11", FakeCudaLibrary.Calls[^1]);
    }

    [Fact]
    public void Decompositions_are_checked_before_they_are_timed()
    {
        using var device = new HostDevice();
        var report = new StringBuilder();
        Measurements(device).Factorise(report, FakeCudaLibrary.Find);
        var calls = FakeCudaLibrary.Calls;
        Assert.Contains("Gesvdj 1 1 33 20 lda 33 ldu 33 ldv 20 work 7 22", calls);
        Assert.Contains("Gesvdj 1 1 12 5 lda 12 ldu 12 ldv 5 work 7 22", calls);
        Assert.Equal(["DestroyParameters 22", "Destroy 11"], calls[^2..]);
        Assert.Contains("| 12×5 |", report.ToString(), StringComparison.Ordinal);
        Assert.Equal(0, device.LiveBuffers);
    }

    [Fact]
    public void A_decomposition_that_does_not_converge_is_an_error_and_frees_its_memory()
    {
        using var device = new HostDevice();
        FakeCudaLibrary.Info = 21;
        var matrix = device.Allocate(s_shape.Length * sizeof(double));
        device.Clear(matrix, s_shape.Length * sizeof(double));
        using (var solver = new CuSolver(FakeCudaLibrary.Find, device, 0x77))
            Assert.Contains("info 21", Assert.Throws<InvalidOperationException>(() => solver.SingularValues(matrix, s_shape)).Message, StringComparison.Ordinal);
        device.Free(matrix);
        Assert.Equal(0, device.LiveBuffers);
    }

    [Theory]
    [InlineData("Create", "cublasCreate", 0)]
    [InlineData("SetStream", "cublasSetStream", 1)]
    [InlineData("Sgemm", "cublasSgemm", 1)]
    public void A_call_that_fails_is_named_and_the_handle_given_back(string function, string named, int destroyed)
    {
        using var device = new HostDevice();
        FakeCudaLibrary.Failing = (function, 13);
        var failure = Assert.Throws<InvalidOperationException>(() => Measurements(device).Rebuild(new StringBuilder(), FakeCudaLibrary.Find));
        Assert.Contains(named, failure.Message, StringComparison.Ordinal);
        Assert.Contains("13", failure.Message, StringComparison.Ordinal);
        Assert.Equal(destroyed, FakeCudaLibrary.Calls.Count(static call => call == "Destroy 11"));
    }

    [Fact]
    public void Without_the_libraries_the_report_says_so()
    {
        using var device = new HostDevice();
        var report = new StringBuilder();
        Measurements(device).Rebuild(report, null);
        Measurements(device).Factorise(report, null);
        Assert.Contains("Not measured: cuBLAS is not installed (libcublas.so.13", report.ToString(), StringComparison.Ordinal);
        Assert.Contains("Not measured: cuSOLVER is not installed (libcusolver.so.12", report.ToString(), StringComparison.Ordinal);
        Assert.Empty(FakeCudaLibrary.Calls);
        Assert.Null(CudaLibrary.TryLoad(["libt2-that-nobody-has.so"]));
    }

    [Fact]
    public void They_run_in_the_primary_context_and_the_callers_is_current_afterwards()
    {
        var driver = new FakeCudaDriver();
        using var device = CudaDevice.Open(driver, 0);
        nint within = 0, stream = 0;
        device.Within(handle => (within, stream) = (driver.CurrentContext, handle));
        Assert.Equal(0xC0, within);
        Assert.NotEqual(0, stream);
        Assert.Throws<InvalidOperationException>(() => device.Within(static _ => throw new InvalidOperationException()));
        Assert.Equal(0, driver.CurrentContext);
        Assert.Equal(1, driver.ContextDepth);
    }

    private static CudaLibraryMeasurements Measurements(HostDevice device) => new(device, 0x77) { Shapes = [s_shape], Rounds = 1 };
}
