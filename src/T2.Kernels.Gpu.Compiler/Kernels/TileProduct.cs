using System.Numerics;
using System.Runtime.CompilerServices;
using ILGPU;

namespace T2.Kernels.Gpu.Compiler;

/// <summary>Four neighbours, read from shared memory in one instruction.</summary>
internal struct Quad<T>
    where T : unmanaged
{
    public T X, Y, Z, W;
}

/// <summary>A thread's 4×4 sums. Scalars, because ILGPU puts arrays in local memory and does not unroll loops.</summary>
internal struct Sums4x4<T>
    where T : unmanaged, INumber<T>
{
    public Quad<T> Row0, Row1, Row2, Row3;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Add(Quad<T> a, Quad<T> b)
    {
        AddRow(ref Row0, a.X, b);
        AddRow(ref Row1, a.Y, b);
        AddRow(ref Row2, a.Z, b);
        AddRow(ref Row3, a.W, b);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Negate()
    {
        NegateRow(ref Row0);
        NegateRow(ref Row1);
        NegateRow(ref Row2);
        NegateRow(ref Row3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void AddIdentity()
    {
        Row0.X += T.One;
        Row1.Y += T.One;
        Row2.Z += T.One;
        Row3.W += T.One;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void NegateRow(ref Quad<T> sums)
    {
        sums.X = -sums.X;
        sums.Y = -sums.Y;
        sums.Z = -sums.Z;
        sums.W = -sums.W;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddRow(ref Quad<T> sums, T a, Quad<T> b)
    {
        sums.X += a * b.X;
        sums.Y += a * b.Y;
        sums.Z += a * b.Z;
        sums.W += a * b.W;
    }
}

/// <summary>
/// The SIMT product all others fall back to: a block of 256 threads forms a 64×64 tile of Σₖ A(i, k)·B(k, j), 16 depths at a time through shared memory;
/// a thread owns 4×4 neighbouring sums in registers. Sizes need no padding: operands are zero beyond their bounds, stores are guarded.
/// <para>
/// Sums are in T, in the order of k: |error| ≤ depth·ε·Σₖ|A||B|. Shared rows are 68 values: a multiple of four keeps vector reads aligned, four beyond 64
/// spreads a transposing store over the banks. A 128×128 tile (64 sums a thread) reads half as much but was left out: where it would matter, tensor
/// cores do the product.
/// </para>
/// </summary>
internal static class TileProduct
{
    private const int Stride = KernelShape.Tile + 4;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Sums4x4<T> Compute<T, TA, TB>(TA a, TB b, int firstRow, int firstColumn, int depth)
        where T : unmanaged, INumber<T>
        where TA : struct, ITileOperand<T>
        where TB : struct, ITileOperand<T>
    {
        var tileA = SharedMemory.Allocate<T>(KernelShape.TileDepth * Stride);
        var tileB = SharedMemory.Allocate<T>(KernelShape.TileDepth * Stride);
        var quadsA = tileA.Cast<Quad<T>>();
        var quadsB = tileB.Cast<Quad<T>>();
        var thread = Group.IdxX;
        var placeA = thread >> 4;
        var placeB = thread & 15;
        var sums = default(Sums4x4<T>);
        for (var k = 0; k < depth; k += KernelShape.TileDepth)
        {
            Load<T, TA>(a, tileA, firstRow, k, thread);
            Load<T, TB>(b, tileB, firstColumn, k, thread);
            Group.Barrier();
            for (var step = 0; step < KernelShape.TileDepth * (Stride >> 2); step += 4 * (Stride >> 2))
            {
                sums.Add(quadsA[step + placeA], quadsB[step + placeB]);
                sums.Add(quadsA[step + (Stride >> 2) + placeA], quadsB[step + (Stride >> 2) + placeB]);
                sums.Add(quadsA[step + (2 * (Stride >> 2)) + placeA], quadsB[step + (2 * (Stride >> 2)) + placeB]);
                sums.Add(quadsA[step + (3 * (Stride >> 2)) + placeA], quadsB[step + (3 * (Stride >> 2)) + placeB]);
            }
            Group.Barrier();
        }
        return sums;
    }

    /// <summary>Fills tile[depth·68 + index] with 64 indices by 16 depths: 4 values a thread, neighbouring threads reading neighbouring addresses.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Load<T, TOperand>(TOperand operand, ArrayView<T> tile, int first, int depth, int thread)
        where T : unmanaged, INumber<T>
        where TOperand : struct, ITileOperand<T>
    {
        var index = TOperand.DepthIsContiguous ? thread >> 4 : thread & 63;
        var k = TOperand.DepthIsContiguous ? thread & 15 : thread >> 6;
        var nextIndex = TOperand.DepthIsContiguous ? 16 : 0;
        var nextK = TOperand.DepthIsContiguous ? 0 : 4;
        var value0 = operand.At(first + index, depth + k);
        var value1 = operand.At(first + index + nextIndex, depth + k + nextK);
        var value2 = operand.At(first + index + (2 * nextIndex), depth + k + (2 * nextK));
        var value3 = operand.At(first + index + (3 * nextIndex), depth + k + (3 * nextK));
        tile[(k * Stride) + index] = value0;
        tile[((k + nextK) * Stride) + index + nextIndex] = value1;
        tile[((k + (2 * nextK)) * Stride) + index + (2 * nextIndex)] = value2;
        tile[((k + (3 * nextK)) * Stride) + index + (3 * nextIndex)] = value3;
    }
}
