namespace T2.Kernels.Gpu;

/// <summary>Arithmetic of the product in a rebuild, W += W·S. W itself is kept in fp32, so an operand's rounding costs accuracy only in proportion to z − 1.</summary>
public enum RebuildPrecision
{
    /// <summary><see cref="Half"/> where the device has tensor cores, else <see cref="Single"/>.</summary>
    Auto,

    /// <summary>fp32 without tensor cores: relative error of the delta ≈ depth·2⁻²⁴ at worst.</summary>
    Single,

    /// <summary>f16 operands, fp32 sums: 2⁻¹⁰ of the delta. For weights of magnitude 6·10⁻⁸ to 65504.</summary>
    Half,

    /// <summary>bf16 operands, fp32 sums: 2⁻⁷ of the delta; single's range.</summary>
    BFloat,

    /// <summary>tf32 operands, fp32 sums: 2⁻¹⁰ of the delta, single's range, half the speed of f16.</summary>
    Tf32,
}
