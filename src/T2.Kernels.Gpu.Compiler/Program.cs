using T2.Kernels.Gpu;
using T2.Kernels.Gpu.Compiler;

if (args is ["ptx", var ptxFolder])
{
    foreach (var stale in Directory.EnumerateFiles(ptxFolder, "*.ptx"))
        File.Delete(stale);
    foreach (var kernel in GpuKernels.All)
        File.WriteAllText(Path.Combine(ptxFolder, kernel.Name + ".ptx"), PtxCompiler.Compile(kernel));
    Console.WriteLine($"Wrote {GpuKernels.All.Count} kernels; build again to embed them.");
    return 0;
}
if (args is ["resources", var tableFolder])
{
    // Measures the PTX embedded in this build.
    if (PtxAssembler.TryGetVersion() is not { } version)
    {
        Console.Error.WriteLine("ptxas and cuobjdump are not on the path; .ci/install-gpu-tools.sh installs them.");
        return 1;
    }
    var lines = PtxAssembler.MeasureAll().Select(static resources => resources.ToString());
    File.WriteAllLines(Path.Combine(tableFolder, "resources.tsv"), [$"# ptxas {version}", KernelResources.Header, .. lines]);
    return 0;
}
Console.Error.WriteLine("""
    usage: dotnet run --project src/T2.Kernels.Gpu.Compiler -- ptx src/T2.Kernels.Gpu/Ptx
           dotnet run --project src/T2.Kernels.Gpu.Compiler -- resources src/T2.Kernels.Gpu/Ptx
    """);
return 2;
