using System.Text.RegularExpressions;
using ILGPU;
using ILGPU.Backends.EntryPoints;
using ILGPU.Backends.PTX;
using ILGPU.Runtime;
using ILGPU.Runtime.Cuda;

namespace T2.Kernels.Gpu.Compiler;

/// <summary>
/// Turns kernels into PTX without a GPU. ILGPU's names carry counters that depend on what was compiled before; they are numbered anew, so that the same
/// source always gives the same text.
/// </summary>
public static partial class PtxCompiler
{
    /// <summary>PTX of a kernel for sm_80, which every later architecture runs.</summary>
    public static string Compile(GpuKernel kernel)
    {
        // A failed compilation leaves a context unusable, so none is shared.
        using var context = Context.Create(static builder => builder.Optimize(OptimizationLevel.O2));
        // PTX 7.0 is the first with sm_80 and bf16/tf32 mma.
        using var backend = new PTXBackend(context, CudaArchitecture.SM_80, CudaInstructionSet.ISA_70, null!);
        var entry = EntryPointDescription.FromExplicitlyGroupedKernel(KernelSources.Of(kernel));
        var compiled = (PTXCompiledKernel)backend.Compile(entry, KernelSpecialization.Empty);
        return Normalize(compiled.PTXAssembly, compiled.Name, kernel);
    }

    private static string Normalize(string ptx, string entryPoint, GpuKernel kernel)
    {
        ptx = ptx.ReplaceLineEndings("\n").Replace(entryPoint + "(", kernel.EntryPoint + "(", StringComparison.Ordinal);
        var numbers = new Dictionary<string, int>(StringComparer.Ordinal);
        ptx = CounterSuffix().Replace(ptx, match =>
        {
            if (!numbers.TryGetValue(match.Value, out var number))
                numbers.Add(match.Value, number = numbers.Count);
            return $"{match.Groups[1].Value}_{number}";
        });
        if (IsExact(kernel))
            ptx = Contractible().Replace(ptx, "$1.rn.$2\t");
        return BlankLines().Replace(ptx, "\n").Trim() + "\n";
    }

    /// <summary>Kernels whose results must have ggml's bits: ptxas may not fuse their multiplications with additions.</summary>
    private static bool IsExact(GpuKernel kernel) => kernel.Name.StartsWith("quantize_", StringComparison.Ordinal) || kernel.Name.StartsWith("dequantize_", StringComparison.Ordinal);

    [GeneratedRegex(@"\b(L|_[A-Za-z]\w*?)_(\d+)\b")]
    private static partial Regex CounterSuffix();

    [GeneratedRegex(@"\b(add|sub|mul)\.(f32|f64)\t")]
    private static partial Regex Contractible();

    [GeneratedRegex(@"\n(\s*\n)+")]
    private static partial Regex BlankLines();
}
