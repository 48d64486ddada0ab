using System.Numerics;
using System.Runtime.CompilerServices;
using ILGPU;

namespace T2.Kernels.Gpu.Compiler;

/// <summary>Where a thread's 4×4 sums of a 64×64 tile go: to or onto rows of values, within bounds.</summary>
internal static class TileStore
{
    /// <summary>destination[i, j] = onto · destination[i, j] + factor · sum[i, j], with onto 0 or 1 (0 reads nothing).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Run<T>(Sums4x4<T> sums, T factor, bool onto, ArrayView<T> destination, int stride, int rows, int columns, int firstRow, int firstColumn)
        where T : unmanaged, INumber<T>
    {
        var row = firstRow + ((Group.IdxX >> 4) << 2);
        var column = firstColumn + ((Group.IdxX & 15) << 2);
        Row(sums.Row0, factor, onto, destination, stride, rows, columns, row, column);
        Row(sums.Row1, factor, onto, destination, stride, rows, columns, row + 1, column);
        Row(sums.Row2, factor, onto, destination, stride, rows, columns, row + 2, column);
        Row(sums.Row3, factor, onto, destination, stride, rows, columns, row + 3, column);
    }

    /// <summary>destination[j, i] = sum[i, j] of a square result of <paramref name="count"/> rows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Mirror<T>(Sums4x4<T> sums, ArrayView<T> destination, int stride, int count, int firstRow, int firstColumn)
        where T : unmanaged, INumber<T>
    {
        var row = firstRow + ((Group.IdxX >> 4) << 2);
        var column = firstColumn + ((Group.IdxX & 15) << 2);
        var transposed = new Sums4x4<T>
        {
            Row0 = new() { X = sums.Row0.X, Y = sums.Row1.X, Z = sums.Row2.X, W = sums.Row3.X },
            Row1 = new() { X = sums.Row0.Y, Y = sums.Row1.Y, Z = sums.Row2.Y, W = sums.Row3.Y },
            Row2 = new() { X = sums.Row0.Z, Y = sums.Row1.Z, Z = sums.Row2.Z, W = sums.Row3.Z },
            Row3 = new() { X = sums.Row0.W, Y = sums.Row1.W, Z = sums.Row2.W, W = sums.Row3.W },
        };
        Row(transposed.Row0, T.One, false, destination, stride, count, count, column, row);
        Row(transposed.Row1, T.One, false, destination, stride, count, count, column + 1, row);
        Row(transposed.Row2, T.One, false, destination, stride, count, count, column + 2, row);
        Row(transposed.Row3, T.One, false, destination, stride, count, count, column + 3, row);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Row<T>(Quad<T> sums, T factor, bool onto, ArrayView<T> destination, int stride, int rows, int columns, int row, int column)
        where T : unmanaged, INumber<T>
    {
        if (row >= rows)
            return;
        var place = (row * stride) + column;
        Value(sums.X, factor, onto, destination, place, column < columns);
        Value(sums.Y, factor, onto, destination, place + 1, column + 1 < columns);
        Value(sums.Z, factor, onto, destination, place + 2, column + 2 < columns);
        Value(sums.W, factor, onto, destination, place + 3, column + 3 < columns);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Value<T>(T sum, T factor, bool onto, ArrayView<T> destination, int place, bool isInside)
        where T : unmanaged, INumber<T>
    {
        if (!isInside)
            return;
        var scaled = factor * sum;
        destination[place] = onto ? destination[place] + scaled : scaled;
    }
}
