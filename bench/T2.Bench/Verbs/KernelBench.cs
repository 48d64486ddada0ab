using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Exporters.Json;
using BenchmarkDotNet.Filters;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using T2.Gguf;
using T2.Kernels;

namespace T2.Bench.Verbs;

/// <summary>
/// <c>kernels [BenchmarkDotNet's options]</c>: the registry's kernels under BenchmarkDotNet, as <c>kernels --filter *Rebuild*</c>; all of them without a filter.
/// In this process: a project that BenchmarkDotNet generated would lack the native libraries.
/// </summary>
internal static class KernelBench
{
    public static int Run(string[] args)
    {
        var config = DefaultConfig.Instance
            .AddJob(Job.ShortRun.WithToolchain(InProcessEmitToolchain.Instance))
            .AddExporter(JsonExporter.Full)
            // 896 is no multiple of 256: K-quants exist for the other shapes only.
            .AddFilter(new SimpleFilter(static benchmark => benchmark.Parameters["Type"] is not TensorType type || benchmark.Parameters["Shape"] is not MatrixShape shape
                || shape.Columns % TensorTypes.Info(type).BlockLength == 0));
        string[] all = args.Length == 0 ? ["--filter", "*"] : args;
        var summaries = BenchmarkSwitcher.FromTypes([typeof(RebuildBenchmarks), typeof(FactoriseBenchmarks), typeof(QuantiseBenchmarks)]).Run(all, config);
        return summaries.Any() ? 0 : 2;
    }
}
