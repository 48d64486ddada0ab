using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace T2.Kernels.Gpu.Compiler;

/// <summary>What ptxas makes of a kernel on one architecture.</summary>
/// <param name="Kernel">Name of the kernel.</param>
/// <param name="Architecture">80 or 90, for sm_80 and sm_90.</param>
/// <param name="Registers">Registers per thread.</param>
/// <param name="StackBytes">Local memory per thread, spills included.</param>
/// <param name="SpillBytes">Bytes spilt and read back, per thread.</param>
/// <param name="SharedBytes">Static shared memory per block.</param>
/// <param name="TensorCoreInstructions">HMMA instructions in the machine code.</param>
/// <param name="MatrixLoads">LDSM instructions (ldmatrix).</param>
/// <param name="AsynchronousCopies">LDGSTS instructions (cp.async).</param>
public sealed record KernelResources(
    string Kernel, int Architecture, int Registers, int StackBytes, int SpillBytes, int SharedBytes, int TensorCoreInstructions, int MatrixLoads, int AsynchronousCopies)
{
    /// <summary>Head of the table, one tab between columns.</summary>
    public const string Header = "kernel\tsm\tregisters\tstack\tspills\tshared\thmma\tldmatrix\tcp.async";

    /// <summary>One line of the table.</summary>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{Kernel}\t{Architecture}\t{Registers}\t{StackBytes}\t{SpillBytes}\t{SharedBytes}\t{TensorCoreInstructions}\t{MatrixLoads}\t{AsynchronousCopies}");
}

/// <summary>Assembles PTX with NVIDIA's ptxas, which needs no GPU, and counts what cuobjdump shows.</summary>
public static partial class PtxAssembler
{
    /// <summary>The architectures every kernel must assemble for.</summary>
    public static IReadOnlyList<int> Architectures { get; } = [80, 90];

    /// <summary>Release of the ptxas on the path ("11.8"), or null where it or cuobjdump is missing.</summary>
    public static string? TryGetVersion()
    {
        if (!TryRun("cuobjdump", ["--version"], out _) || !TryRun("ptxas", ["--version"], out var output))
            return null;
        return Release().Match(output).Groups[1].Value;
    }

    /// <summary>Resources of every kernel for every architecture, in the order of <see cref="GpuKernels.All"/>.</summary>
    /// <exception cref="InvalidOperationException">ptxas refused a kernel; the message is ptxas's.</exception>
    public static IReadOnlyList<KernelResources> MeasureAll()
    {
        var jobs = GpuKernels.All.SelectMany(static kernel => Architectures.Select(architecture => (kernel, architecture))).ToArray();
        var results = new KernelResources[jobs.Length];
        Parallel.For(0, jobs.Length, i => results[i] = Measure(jobs[i].kernel, jobs[i].architecture));
        return results;
    }

    private static KernelResources Measure(GpuKernel kernel, int architecture)
    {
        var source = Path.GetTempFileName();
        var binary = source + ".cubin";
        try
        {
            var ptx = PtxFiles.Read(kernel);
            File.WriteAllText(source, ptx);
            if (!TryRun("ptxas", ["-v", $"-arch=sm_{architecture}", source, "-o", binary], out var report))
                throw new InvalidOperationException($"ptxas refuses {kernel} for sm_{architecture}: {report}");
            // Disassembling takes longer than assembling, and without these there is nothing to count.
            var machineCode = "";
            if ((ptx.Contains("mma.sync", StringComparison.Ordinal) || ptx.Contains("cp.async", StringComparison.Ordinal)) && !TryRun("cuobjdump", ["-sass", binary], out machineCode))
                throw new InvalidOperationException($"cuobjdump cannot read {kernel} for sm_{architecture}: {machineCode}");
            return new KernelResources(
                kernel.Name, architecture,
                Number(Registers(), report), Number(Stack(), report), Number(SpillStores(), report) + Number(SpillLoads(), report), Number(Shared(), report),
                TensorCore().Count(machineCode), MatrixLoad().Count(machineCode), AsynchronousCopy().Count(machineCode));
        }
        finally
        {
            File.Delete(source);
            File.Delete(binary);
        }
    }

    private static int Number(Regex pattern, string text) =>
        pattern.Match(text) is { Success: true } match ? int.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture) : 0;

    private static bool TryRun(string tool, string[] arguments, out string output)
    {
        output = "";
        var start = new ProcessStartInfo(tool, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        try
        {
            using var process = Process.Start(start)!;
            var errors = process.StandardError.ReadToEndAsync();
            output = process.StandardOutput.ReadToEnd() + errors.Result;
            process.WaitForExit();
            return process.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }

    [GeneratedRegex(@"release (\d+\.\d+)")]
    private static partial Regex Release();

    [GeneratedRegex(@"Used (\d+) registers")]
    private static partial Regex Registers();

    [GeneratedRegex(@"(\d+) bytes stack frame")]
    private static partial Regex Stack();

    [GeneratedRegex(@"(\d+) bytes spill stores")]
    private static partial Regex SpillStores();

    [GeneratedRegex(@"(\d+) bytes spill loads")]
    private static partial Regex SpillLoads();

    [GeneratedRegex(@"(\d+) bytes smem")]
    private static partial Regex Shared();

    [GeneratedRegex(@"\bHMMA\.")]
    private static partial Regex TensorCore();

    [GeneratedRegex(@"\bLDSM\.")]
    private static partial Regex MatrixLoad();

    [GeneratedRegex(@"\bLDGSTS\.")]
    private static partial Regex AsynchronousCopy();
}
