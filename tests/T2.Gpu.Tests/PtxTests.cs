using T2.Kernels.Gpu;
using T2.Kernels.Gpu.Compiler;
using T2.TestKit;

namespace T2.Gpu.Tests;

/// <summary>The committed PTX: up to date, accepted by ptxas for both architectures, and no worse than the committed table says.</summary>
public sealed class PtxTests
{
    private const string Refresh = "run T2.Kernels.Gpu.Compiler (it prints how)";

    private static string Folder => Path.Combine(RepositoryRoot.Path, "src", "T2.Kernels.Gpu", "Ptx");

    [Fact]
    public void Is_what_the_sources_compile_to()
    {
        Assert.Equal(
            GpuKernels.All.Select(static kernel => kernel.Name + ".ptx").Order(StringComparer.Ordinal),
            Directory.EnumerateFiles(Folder, "*.ptx").Select(static path => Path.GetFileName(path)).Order(StringComparer.Ordinal));
        foreach (var kernel in GpuKernels.All)
            Assert.True(PtxCompiler.Compile(kernel) == PtxFiles.Read(kernel), $"{kernel}.ptx is not what its source compiles to; {Refresh}");
    }

    [Fact]
    public void Of_the_quantisers_lets_nothing_be_fused()
    {
        foreach (var kernel in GpuKernels.RebuildableTypes.SelectMany(static type => new[] { GpuKernels.Quantize(type), GpuKernels.Dequantize(type) }))
            Assert.DoesNotMatch(@"\b(add|sub|mul|mad|fma)\.(ftz\.)?f32", PtxFiles.Read(kernel));
    }

    [SkippableFact]
    public void Assembles_within_the_resources_of_the_committed_table()
    {
        var version = PtxAssembler.TryGetVersion();
        Skip.If(version is null, "ptxas and cuobjdump are not on the path (see .ci/install-gpu-tools.sh)");
        var measured = PtxAssembler.MeasureAll();

        foreach (var kernel in GpuKernels.All)
        {
            foreach (var resources in measured.Where(resources => resources.Kernel == kernel.Name))
            {
                if (kernel.IsHot)
                    Assert.True(resources is { StackBytes: 0, SpillBytes: 0 }, $"{kernel} spills on sm_{resources.Architecture}: {resources}");
                Assert.True(resources.Registers * kernel.Threads <= 65536, $"{kernel} does not fit a multiprocessor: {resources}");
                if (kernel.Name.StartsWith("mma_", StringComparison.Ordinal))
                    Assert.True(resources is { TensorCoreInstructions: >= 32, AsynchronousCopies: >= 8, MatrixLoads: >= 8 }, $"{kernel} uses no tensor cores: {resources}");
            }
        }

        var table = File.ReadAllLines(Path.Combine(Folder, "resources.tsv"));
        Assert.Equal(KernelResources.Header, table[1]);
        // Another release allocates registers differently; then only the above holds.
        if (table[0] == $"# ptxas {version}")
            Assert.Equal(table[2..], measured.Select(static resources => resources.ToString()));
    }
}
