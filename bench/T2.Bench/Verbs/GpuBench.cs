using System.Globalization;
using System.Text;
using T2.Kernels.Gpu.Driver;

namespace T2.Bench.Verbs;

/// <summary>
/// <c>gpu [--device N] [-o DIR]</c>: checks the GPU kernels against the CPU, then times factorising, rebuilding and writing a whole expert, and writes
/// DIR/&lt;device&gt;/gpu.md, beside cuBLAS and cuSOLVER where they are installed. Without a CUDA device nothing is measured, and the exit code is 77;
/// it is 1 where a kernel is wrong or a measurement of T2's failed.
/// </summary>
internal static class GpuBench
{
    private const int NotMeasured = 77;

    public static int Run(ReadOnlySpan<string> args)
    {
        var options = new Options(args, "--device", "-o");
        if (!int.TryParse(options.Find("--device") ?? "0", NumberStyles.None, CultureInfo.InvariantCulture, out int ordinal))
            throw new ArgumentException($"'{options.Find("--device")}' is not the number of a device.");
        if (!CudaDriver.TryLoad(out var driver, out string reason))
        {
            Console.WriteLine($"not measured: no CUDA device ({reason})");
            return NotMeasured;
        }
        if (driver.DeviceGetCount(out int count) != 0 || count == 0)
        {
            Console.WriteLine("not measured: no CUDA device (the driver is installed and knows none)");
            return NotMeasured;
        }
        using var device = CudaDevice.Open(driver, ordinal);
        var measurements = new GpuMeasurements(device);
        var report = new StringBuilder();
        report.AppendLine(CultureInfo.InvariantCulture, $"# {device.Name}, compute capability {device.ComputeCapability}");
        report.AppendLine();
        report.AppendLine("Written by `bench/gpu.sh`. Times are medians of five after one run that does not count, each until the device is idle again.");
        bool isCorrect = false;
        GpuMeasurements.Measure(report, () => isCorrect = measurements.Correctness(report));
        if (isCorrect)
        {
            isCorrect = GpuMeasurements.Measure(report, () => measurements.Factorise(report))
                & GpuMeasurements.Measure(report, () => measurements.Rebuild(report))
                & GpuMeasurements.Measure(report, () => measurements.Switch(report));
            GpuMeasurements.Measure(report, () => device.Within(stream =>
            {
                // What NVIDIA's libraries cannot do here is no fault of T2's.
                var libraries = new CudaLibraryMeasurements(device, stream) { Shapes = measurements.Shapes };
                GpuMeasurements.Measure(report, () => libraries.Rebuild(report, CudaLibrary.TryLoad(CudaLibrary.Blas)));
                GpuMeasurements.Measure(report, () => libraries.Factorise(report, CudaLibrary.TryLoad(CudaLibrary.Solver)));
            }));
        }

        string folder = Path.Combine(options.Find("-o") ?? "bench/results", Slug(device.Name));
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "gpu.md"), report.ToString());
        Console.Write(report);
        Console.WriteLine($"written to {folder}");
        return isCorrect ? 0 : 1;
    }

    private static string Slug(string name) => string.Join('-', name.ToLowerInvariant().Split([' ', '/', '(', ')'], StringSplitOptions.RemoveEmptyEntries));
}
