using System.Numerics;
using System.Runtime.CompilerServices;
using ILGPU;

namespace T2.Kernels.Gpu.Compiler;

/// <summary>One factor of a product Σₖ A(i, k)·B(k, j), read value by value into a tile; beyond its bounds it is zero.</summary>
internal interface ITileOperand<T>
    where T : unmanaged, INumber<T>
{
    /// <summary>Whether consecutive depths are neighbours in memory; else consecutive indices are. Decides how a warp walks a tile.</summary>
    static abstract bool DepthIsContiguous { get; }

    /// <summary>The value at a row of A or a column of B, and a depth.</summary>
    T At(int index, int depth);
}

/// <summary>values[index·stride + depth]: rows of A, or rows of Bᵀ.</summary>
internal struct DepthContiguous<T> : ITileOperand<T>
    where T : unmanaged, INumber<T>
{
    public ArrayView<T> Values;
    public int Stride;
    public int Count;
    public int Depth;

    public static bool DepthIsContiguous => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly T At(int index, int depth) => index < Count && depth < Depth ? Values[(index * Stride) + depth] : T.Zero;
}

/// <summary>values[depth·stride + index]: columns of B, or columns of Aᵀ.</summary>
internal struct IndexContiguous<T> : ITileOperand<T>
    where T : unmanaged, INumber<T>
{
    public ArrayView<T> Values;
    public int Stride;
    public int Count;
    public int Depth;

    public static bool DepthIsContiguous => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly T At(int index, int depth) => index < Count && depth < Depth ? Values[(depth * Stride) + index] : T.Zero;
}

/// <summary>values[row[depth]·stride + index]: the selected rows of a basis.</summary>
internal struct SelectedRows : ITileOperand<float>
{
    public ArrayView<float> Values;
    public ArrayView<int> Rows;
    public int Stride;
    public int Count;
    public int Depth;

    public static bool DepthIsContiguous => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly float At(int index, int depth) => index < Count && depth < Depth ? Values[(Rows[depth] * Stride) + index] : 0f;
}

/// <summary>scale[depth] · values[row[depth]·stride + index]: the selected rows, each scaled.</summary>
internal struct ScaledRows : ITileOperand<float>
{
    public ArrayView<float> Values;
    public ArrayView<int> Rows;
    public ArrayView<float> Scales;
    public int Stride;
    public int Count;
    public int Depth;

    public static bool DepthIsContiguous => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly float At(int index, int depth) => index < Count && depth < Depth ? Scales[depth] * Values[(Rows[depth] * Stride) + index] : 0f;
}

/// <summary>The vectors to be made orthogonal, W's rows, widened: element <c>index</c> of vector <c>depth</c>.</summary>
internal struct WidenedRows : ITileOperand<double>
{
    public ArrayView<float> Values;
    public int Stride;
    public int Count;
    public int Depth;

    public static bool DepthIsContiguous => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly double At(int index, int depth) => index < Count && depth < Depth ? Values[(depth * Stride) + index] : 0d;
}

/// <summary>The vectors to be made orthogonal, W's columns, widened: element <c>index</c> of vector <c>depth</c>.</summary>
internal struct WidenedColumns : ITileOperand<double>
{
    public ArrayView<float> Values;
    public int Stride;
    public int Count;
    public int Depth;

    public static bool DepthIsContiguous => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly double At(int index, int depth) => index < Count && depth < Depth ? Values[(index * Stride) + depth] : 0d;
}
