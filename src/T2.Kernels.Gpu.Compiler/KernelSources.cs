using System.Reflection;

namespace T2.Kernels.Gpu.Compiler;

/// <summary>The C# method behind every kernel's name.</summary>
public static class KernelSources
{
    private static readonly Dictionary<string, MethodInfo> s_methods = new(StringComparer.Ordinal)
    {
        ["add_product_f32"] = Method(typeof(AddProduct), nameof(AddProduct.Run), typeof(float)),
        ["add_product_f64"] = Method(typeof(AddProduct), nameof(AddProduct.Run), typeof(double)),
        ["mma_f16"] = Method(typeof(MmaAddProduct), nameof(MmaAddProduct.Half)),
        ["mma_bf16"] = Method(typeof(MmaAddProduct), nameof(MmaAddProduct.BFloat)),
        ["mma_tf32"] = Method(typeof(MmaAddProduct), nameof(MmaAddProduct.Tf32)),
        ["form_square"] = Method(typeof(FormSquare), nameof(FormSquare.Run)),
        ["pack_f16"] = Method(typeof(PackOperand), nameof(PackOperand.Run), typeof(HalfOperand)),
        ["pack_bf16"] = Method(typeof(PackOperand), nameof(PackOperand.Run), typeof(BFloatOperand)),
        ["pack_tf32"] = Method(typeof(PackOperand), nameof(PackOperand.Run), typeof(Tf32Operand)),
        ["pack_vectors"] = Method(typeof(PackVectors), nameof(PackVectors.Run)),
        ["identity_f32"] = Method(typeof(JacobiBasis), nameof(JacobiBasis.Identity), typeof(float)),
        ["widen"] = Method(typeof(JacobiBasis), nameof(JacobiBasis.Widen)),
        ["gather"] = Method(typeof(JacobiBasis), nameof(JacobiBasis.Gather)),
        ["orthogonality_f64"] = Method(typeof(Orthogonality), nameof(Orthogonality.Run), typeof(double)),
        ["project_rows_f64"] = Method(typeof(ProjectVectors), nameof(ProjectVectors.Rows)),
        ["project_columns_f64"] = Method(typeof(ProjectVectors), nameof(ProjectVectors.Columns)),
        ["jacobi_gram_f32"] = Method(typeof(JacobiGram), nameof(JacobiGram.Run), typeof(float)),
        ["jacobi_rotation_f32"] = Method(typeof(JacobiRotation), nameof(JacobiRotation.Run), typeof(float), typeof(Single32)),
        ["jacobi_apply_f32"] = Method(typeof(JacobiApply), nameof(JacobiApply.Run), typeof(float)),
        ["norms_f32"] = Method(typeof(JacobiBasis), nameof(JacobiBasis.Norms), typeof(float), typeof(Single32)),
        ["jacobi_gram_f64"] = Method(typeof(JacobiGram), nameof(JacobiGram.Run), typeof(double)),
        ["jacobi_rotation_f64"] = Method(typeof(JacobiRotation), nameof(JacobiRotation.Run), typeof(double), typeof(Double64)),
        ["jacobi_apply_f64"] = Method(typeof(JacobiApply), nameof(JacobiApply.Run), typeof(double)),
        ["norms_f64"] = Method(typeof(JacobiBasis), nameof(JacobiBasis.Norms), typeof(double), typeof(Double64)),
        ["dequantize_f32"] = Method(typeof(Dequantize), nameof(Dequantize.Run), typeof(F32)),
        ["dequantize_f16"] = Method(typeof(Dequantize), nameof(Dequantize.Run), typeof(F16)),
        ["dequantize_bf16"] = Method(typeof(Dequantize), nameof(Dequantize.Run), typeof(BF16)),
        ["dequantize_q8_0"] = Method(typeof(Dequantize), nameof(Dequantize.Run), typeof(Q8_0)),
        ["dequantize_q4_0"] = Method(typeof(Dequantize), nameof(Dequantize.Run), typeof(Q4_0)),
        ["dequantize_q4_k"] = Method(typeof(Dequantize), nameof(Dequantize.Run), typeof(Q4_K)),
        ["dequantize_q5_k"] = Method(typeof(Dequantize), nameof(Dequantize.Run), typeof(Q5_K)),
        ["dequantize_q6_k"] = Method(typeof(Dequantize), nameof(Dequantize.Run), typeof(Q6_K)),
        ["quantize_f32"] = Method(typeof(StorePlain), nameof(StorePlain.Run), typeof(F32)),
        ["quantize_f16"] = Method(typeof(StorePlain), nameof(StorePlain.Run), typeof(F16)),
        ["quantize_bf16"] = Method(typeof(StorePlain), nameof(StorePlain.Run), typeof(BF16)),
        ["quantize_q8_0"] = Method(typeof(QuantizeSimple), nameof(QuantizeSimple.Run), typeof(Q8_0)),
        ["quantize_q4_0"] = Method(typeof(QuantizeSimple), nameof(QuantizeSimple.Run), typeof(Q4_0)),
        ["quantize_q4_k"] = Method(typeof(QuantizeScaleMin), nameof(QuantizeScaleMin.Run), typeof(Q4_K)),
        ["quantize_q5_k"] = Method(typeof(QuantizeScaleMin), nameof(QuantizeScaleMin.Run), typeof(Q5_K)),
        ["quantize_q6_k"] = Method(typeof(QuantizeQ6K), nameof(QuantizeQ6K.Run)),
    };

    private static readonly Dictionary<string, MethodInfo> s_emulations = new(StringComparer.Ordinal)
    {
        ["mma_f16"] = Method(typeof(MmaAddProduct), nameof(MmaAddProduct.Emulated), typeof(EmulatedHalves<DecodeHalf>)),
        ["mma_bf16"] = Method(typeof(MmaAddProduct), nameof(MmaAddProduct.Emulated), typeof(EmulatedHalves<DecodeBFloat>)),
        ["mma_tf32"] = Method(typeof(MmaAddProduct), nameof(MmaAddProduct.Emulated), typeof(EmulatedWords)),
    };

    /// <summary>The method a kernel's PTX is made from.</summary>
    /// <exception cref="KeyNotFoundException">The kernel has no source.</exception>
    public static MethodInfo Of(GpuKernel kernel) => s_methods[kernel.Name];

    /// <summary>The method to run where there is no CUDA: the same, or the emulation of a kernel that uses tensor cores.</summary>
    /// <exception cref="KeyNotFoundException">The kernel has no source.</exception>
    public static MethodInfo PortableOf(GpuKernel kernel) => s_emulations.TryGetValue(kernel.Name, out var method) ? method : Of(kernel);

    private static MethodInfo Method(Type type, string name, params Type[] arguments)
    {
        var method = type.GetMethod(name, BindingFlags.Public | BindingFlags.Static)!;
        return arguments.Length == 0 ? method : method.MakeGenericMethod(arguments);
    }
}
