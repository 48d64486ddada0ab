using T2.Kernels.Gpu;
using T2.Kernels.Gpu.Compiler;

if (args is not [var folder])
{
    Console.Error.WriteLine("usage: dotnet run --project src/T2.Kernels.Gpu.Compiler -- src/T2.Kernels.Gpu/Ptx");
    return 2;
}
foreach (var stale in Directory.EnumerateFiles(folder, "*.ptx"))
    File.Delete(stale);
foreach (var kernel in GpuKernels.All)
    File.WriteAllText(Path.Combine(folder, kernel.Name + ".ptx"), PtxCompiler.Compile(kernel));
Console.WriteLine($"{GpuKernels.All.Count} kernels");
return 0;
