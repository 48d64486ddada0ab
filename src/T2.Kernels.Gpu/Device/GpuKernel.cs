using T2.Gguf;

namespace T2.Kernels.Gpu;

/// <summary>One device kernel: its name is that of its PTX file and, with a prefix, of its entry point.</summary>
/// <param name="Name">Lower-case words with underscores.</param>
/// <param name="Threads">Threads per block.</param>
/// <param name="IsHot">Whether it carries the work: its registers must not spill.</param>
public sealed record GpuKernel(string Name, int Threads, bool IsHot)
{
    /// <summary>Name of the entry point in its PTX.</summary>
    public string EntryPoint => "t2_" + Name;

    /// <inheritdoc/>
    public override string ToString() => Name;
}

/// <summary>Every kernel there is.</summary>
public static class GpuKernels
{
    private static readonly Dictionary<string, GpuKernel> s_byName = new(StringComparer.Ordinal);

    /// <summary>All kernels, in the order they are declared here.</summary>
    public static IReadOnlyCollection<GpuKernel> All => s_byName.Values;

    /// <summary>Types whose weights can be read and stored on a device.</summary>
    public static IReadOnlyList<TensorType> RebuildableTypes { get; } =
        [TensorType.F32, TensorType.F16, TensorType.BF16, TensorType.Q8_0, TensorType.Q4_0, TensorType.Q4_K, TensorType.Q5_K, TensorType.Q6_K];

    /// <summary>C = onto·C + factor·A·B in fp32, without tensor cores.</summary>
    public static GpuKernel AddProduct { get; } = Hot("add_product_f32");

    /// <summary>C = onto·C + factor·A·B in fp64.</summary>
    public static GpuKernel AddProduct64 { get; } = Hot("add_product_f64");

    /// <summary>C += A·B with f16 operands, on tensor cores.</summary>
    public static GpuKernel MmaHalf { get; } = Hot("mma_f16");

    /// <summary>C += A·B with bf16 operands, on tensor cores.</summary>
    public static GpuKernel MmaBFloat { get; } = Hot("mma_bf16");

    /// <summary>C += A·B with tf32 operands, on tensor cores.</summary>
    public static GpuKernel MmaTf32 { get; } = Hot("mma_tf32");

    /// <summary>S = Σ(z−1)·b·bᵀ over selected rows of a basis.</summary>
    public static GpuKernel FormSquare { get; } = Hot("form_square");

    /// <summary>Rounds and pads fp32 rows to f16.</summary>
    public static GpuKernel PackHalf { get; } = Cold("pack_f16");

    /// <summary>Rounds and pads fp32 rows to bf16.</summary>
    public static GpuKernel PackBFloat { get; } = Cold("pack_bf16");

    /// <summary>Rounds and pads fp32 rows to tf32.</summary>
    public static GpuKernel PackTf32 { get; } = Cold("pack_tf32");

    /// <summary>The vectors to be made orthogonal, as rows.</summary>
    public static GpuKernel PackVectors { get; } = Cold("pack_vectors");

    /// <summary>E = I in fp32.</summary>
    public static GpuKernel Identity { get; } = Cold("identity_f32");

    /// <summary>fp32 to fp64.</summary>
    public static GpuKernel Widen { get; } = Cold("widen");

    /// <summary>Sorts the rows of E and rounds them to fp32.</summary>
    public static GpuKernel Gather { get; } = Cold("gather");

    /// <summary>R = I − E·Eᵀ in fp64.</summary>
    public static GpuKernel Orthogonality { get; } = Hot("orthogonality_f64");

    /// <summary>X = E·W in fp64 from W's rows.</summary>
    public static GpuKernel ProjectRows { get; } = Hot("project_rows_f64");

    /// <summary>X = E·Wᵀ in fp64 from W's columns.</summary>
    public static GpuKernel ProjectColumns { get; } = Hot("project_columns_f64");

    /// <summary>The kernels of a Jacobi sweep in fp32.</summary>
    public static JacobiKernels Jacobi32 { get; } = new(Hot("jacobi_gram_f32"), Hot("jacobi_rotation_f32"), Hot("jacobi_apply_f32"), Cold("norms_f32"));

    /// <summary>The kernels of a Jacobi sweep in fp64.</summary>
    public static JacobiKernels Jacobi64 { get; } = new(Hot("jacobi_gram_f64"), Hot("jacobi_rotation_f64"), Hot("jacobi_apply_f64"), Cold("norms_f64"));

    private static readonly Dictionary<TensorType, GpuKernel> s_dequantize =
        RebuildableTypes.ToDictionary(static type => type, static type => Cold("dequantize_" + TypeName(type)));

    private static readonly Dictionary<TensorType, GpuKernel> s_quantize = RebuildableTypes.ToDictionary(
        static type => type,
        static type => Add(new GpuKernel("quantize_" + TypeName(type), TensorTypes.Info(type).BlockLength == 1 ? KernelShape.Threads : KernelShape.QuantizeThreads, true)));

    /// <summary>Reads rows of <paramref name="type"/> as fp32.</summary>
    /// <exception cref="NotSupportedException">No kernel reads the type.</exception>
    public static GpuKernel Dequantize(TensorType type) => s_dequantize.TryGetValue(type, out var kernel) ? kernel : throw Unsupported(type);

    /// <summary>Stores fp32 rows as <paramref name="type"/>.</summary>
    /// <exception cref="NotSupportedException">No kernel stores the type.</exception>
    public static GpuKernel Quantize(TensorType type) => s_quantize.TryGetValue(type, out var kernel) ? kernel : throw Unsupported(type);

    private static NotSupportedException Unsupported(TensorType type) =>
        new($"No GPU kernel reads or stores {type}; these can be rebuilt on a GPU: {string.Join(", ", RebuildableTypes)}.");

    private static string TypeName(TensorType type) => TensorTypes.Info(type).Name.ToLowerInvariant();

    private static GpuKernel Hot(string name) => Add(new GpuKernel(name, KernelShape.Threads, true));

    private static GpuKernel Cold(string name) => Add(new GpuKernel(name, KernelShape.Threads, false));

    private static GpuKernel Add(GpuKernel kernel)
    {
        s_byName.Add(kernel.Name, kernel);
        return kernel;
    }
}

/// <summary>The kernels of a sweep of block one-sided Jacobi in one precision.</summary>
/// <param name="Gram">Gram matrices of all pairs of a round, in parts.</param>
/// <param name="Rotation">Rotations that diagonalise them.</param>
/// <param name="Apply">Applies the rotations to rows.</param>
/// <param name="Norms">Norms of rows, in fp64.</param>
public sealed record JacobiKernels(GpuKernel Gram, GpuKernel Rotation, GpuKernel Apply, GpuKernel Norms);
