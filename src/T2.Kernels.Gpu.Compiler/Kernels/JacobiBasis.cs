using System.Numerics;
using ILGPU;

namespace T2.Kernels.Gpu.Compiler;

/// <summary>The small steps around the sweeps. One thread per value, grid ⌈columns / 256⌉ × rows, but <see cref="Norms{T, TReal}"/>: one block of 256 threads per row.</summary>
internal static class JacobiBasis
{
    /// <summary>E = I, with rows from <paramref name="rank"/> on zero.</summary>
    public static void Identity<T>(ArrayView<T> e, int rank)
        where T : unmanaged, INumber<T>
    {
        var column = (Grid.IdxX * KernelShape.Threads) + Group.IdxX;
        if (column < rank)
            e[(Grid.IdxY * rank) + column] = Grid.IdxY == column ? T.One : T.Zero;
    }

    /// <summary>fp32 to fp64.</summary>
    public static void Widen(ArrayView<float> source, ArrayView<double> destination, int columns)
    {
        var column = (Grid.IdxX * KernelShape.Threads) + Group.IdxX;
        if (column < columns)
            destination[(Grid.IdxY * columns) + column] = source[(Grid.IdxY * columns) + column];
    }

    /// <summary>basis[i] = row order[i] of E, to fp32: sorts the vectors and rounds them once.</summary>
    public static void Gather(ArrayView<double> e, ArrayView<int> order, ArrayView<float> basis, int rank)
    {
        var column = (Grid.IdxX * KernelShape.Threads) + Group.IdxX;
        if (column < rank)
            basis[(Grid.IdxY * rank) + column] = (float)e[(order[Grid.IdxY] * rank) + column];
    }

    /// <summary>norms[i] = ‖x_i‖ with sums in fp64: a thread adds every 256th square, then the block adds by halves.</summary>
    public static void Norms<T, TReal>(ArrayView<T> x, int length, ArrayView<double> norms)
        where T : unmanaged, INumber<T>
        where TReal : struct, IReal<T>
    {
        var sums = SharedMemory.Allocate<double>(KernelShape.Threads);
        var thread = Group.IdxX;
        var sum = 0d;
        for (var i = thread; i < length; i += KernelShape.Threads)
        {
            var value = TReal.ToDouble(x[(Grid.IdxX * length) + i]);
            sum += value * value;
        }
        sums[thread] = sum;
        for (var width = KernelShape.Threads / 2; width > 0; width >>= 1)
        {
            Group.Barrier();
            if (thread < width)
                sums[thread] += sums[thread + width];
        }
        if (thread == 0)
            norms[Grid.IdxX] = System.Math.Sqrt(sums[0]);
    }
}
