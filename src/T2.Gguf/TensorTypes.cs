using System.Collections.Frozen;
using System.Diagnostics.CodeAnalysis;

namespace T2.Gguf;

/// <summary>How a tensor type lays its values out: <paramref name="BlockLength"/> consecutive values of a row share <paramref name="BlockBytes"/> bytes.</summary>
/// <param name="Type">The type described.</param>
/// <param name="Name">ggml's name for it, upper case (<c>Q4_K</c>).</param>
/// <param name="BlockLength">Values per block; 1 for plain types. Rows are whole numbers of blocks.</param>
/// <param name="BlockBytes">Bytes per block.</param>
/// <param name="CanRebuild">Whether T2 can dequantise and requantise it. Types that need an importance matrix cannot be requantised.</param>
public readonly record struct TensorTypeInfo(TensorType Type, string Name, int BlockLength, int BlockBytes, bool CanRebuild)
{
    /// <summary>Bytes one row of <paramref name="values"/> values takes.</summary>
    /// <exception cref="ArgumentException"><paramref name="values"/> is not a whole number of blocks.</exception>
    /// <exception cref="OverflowException">The size does not fit 63 bits.</exception>
    public long BytesFor(long values)
    {
        if (values < 0 || values % BlockLength != 0)
            throw new ArgumentException($"{values} values are not a whole number of {Name} blocks of {BlockLength}.", nameof(values));
        return checked(values / BlockLength * BlockBytes);
    }
}

/// <summary>The table of tensor types T2 can read. Sizes are those of ggml 0.25.</summary>
public static class TensorTypes
{
    private static readonly FrozenDictionary<TensorType, TensorTypeInfo> s_all = new TensorTypeInfo[]
    {
        new(TensorType.F32, "F32", 1, 4, true),
        new(TensorType.F16, "F16", 1, 2, true),
        new(TensorType.Q4_0, "Q4_0", 32, 18, true),
        new(TensorType.Q4_1, "Q4_1", 32, 20, true),
        new(TensorType.Q5_0, "Q5_0", 32, 22, true),
        new(TensorType.Q5_1, "Q5_1", 32, 24, true),
        new(TensorType.Q8_0, "Q8_0", 32, 34, true),
        new(TensorType.Q8_1, "Q8_1", 32, 36, false),
        new(TensorType.Q2_K, "Q2_K", 256, 84, true),
        new(TensorType.Q3_K, "Q3_K", 256, 110, true),
        new(TensorType.Q4_K, "Q4_K", 256, 144, true),
        new(TensorType.Q5_K, "Q5_K", 256, 176, true),
        new(TensorType.Q6_K, "Q6_K", 256, 210, true),
        new(TensorType.Q8_K, "Q8_K", 256, 292, false),
        new(TensorType.IQ2_XXS, "IQ2_XXS", 256, 66, false),
        new(TensorType.IQ2_XS, "IQ2_XS", 256, 74, false),
        new(TensorType.IQ3_XXS, "IQ3_XXS", 256, 98, false),
        new(TensorType.IQ1_S, "IQ1_S", 256, 50, false),
        new(TensorType.IQ4_NL, "IQ4_NL", 32, 18, false),
        new(TensorType.IQ3_S, "IQ3_S", 256, 110, false),
        new(TensorType.IQ2_S, "IQ2_S", 256, 82, false),
        new(TensorType.IQ4_XS, "IQ4_XS", 256, 136, false),
        new(TensorType.I8, "I8", 1, 1, false),
        new(TensorType.I16, "I16", 1, 2, false),
        new(TensorType.I32, "I32", 1, 4, false),
        new(TensorType.I64, "I64", 1, 8, false),
        new(TensorType.F64, "F64", 1, 8, false),
        new(TensorType.IQ1_M, "IQ1_M", 256, 56, false),
        new(TensorType.BF16, "BF16", 1, 2, true),
        new(TensorType.TQ1_0, "TQ1_0", 256, 54, false),
        new(TensorType.TQ2_0, "TQ2_0", 256, 66, false),
        new(TensorType.MXFP4, "MXFP4", 32, 17, false),
        new(TensorType.NVFP4, "NVFP4", 64, 36, false),
        new(TensorType.Q1_0, "Q1_0", 128, 18, false),
        new(TensorType.Q2_0, "Q2_0", 64, 18, false),
    }.ToFrozenDictionary(static info => info.Type);

    /// <summary>Every known type, in ggml's order.</summary>
    public static IEnumerable<TensorTypeInfo> All => s_all.Values.OrderBy(static info => info.Type);

    /// <summary>The types whose weights T2 can rebuild, in ggml's order.</summary>
    public static IEnumerable<TensorType> Rebuildable => All.Where(static info => info.CanRebuild).Select(static info => info.Type);

    /// <summary>Layout of <paramref name="type"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">T2 does not know the type.</exception>
    public static TensorTypeInfo Info(TensorType type) => s_all.TryGetValue(type, out var info)
        ? info
        : throw new ArgumentOutOfRangeException(nameof(type), type, $"Tensor type {(uint)type} is unknown.");

    /// <summary>Layout of <paramref name="type"/>, if T2 knows it.</summary>
    public static bool TryGetInfo(TensorType type, out TensorTypeInfo info) => s_all.TryGetValue(type, out info);

    /// <summary>Finds a type by ggml's name, whatever its case.</summary>
    public static bool TryParse([NotNullWhen(true)] string? name, out TensorType type)
    {
        foreach (var info in s_all.Values)
        {
            if (string.Equals(info.Name, name, StringComparison.OrdinalIgnoreCase))
            {
                type = info.Type;
                return true;
            }
        }
        type = default;
        return false;
    }
}
