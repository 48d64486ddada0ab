using System.Numerics;
using System.Runtime.CompilerServices;
using ILGPU;

namespace T2.Kernels.Gpu.Compiler;

/// <summary>
/// Third kernel of a round: every pair's 32 rows become Q·rows, in place. A thread owns one column: its 32 values go to registers, 32 sums over them come
/// back; Q is read from shared memory, the same quad by all threads. Applied to the vectors X and, with the same Q, to the basis E that collects the
/// rotations.
/// <para>Grid: ⌈columns / 256⌉ × pairs; 256 threads. Row stride = columns. |error| ≤ 32·ε·Σ|q||x|.</para>
/// </summary>
internal static class JacobiApply
{
    private const int Side = KernelShape.JacobiPair;

    public static void Run<T>(ArrayView<T> x, int columns, int round, int blocks, ArrayView<T> rotations)
        where T : unmanaged, INumber<T>
    {
        var q = SharedMemory.Allocate<T>(Side * Side);
        for (var i = Group.IdxX; i < Side * Side; i += KernelShape.Threads)
            q[i] = rotations[(Grid.IdxY << 10) + i];
        Group.Barrier();

        var column = (Grid.IdxX * KernelShape.Threads) + Group.IdxX;
        if (column >= columns)
            return;
        var quads = q.Cast<Quad<T>>();
        var first = (Tournament.First(Grid.IdxY, round, blocks) * KernelShape.JacobiBlock * columns) + column;
        var second = (Tournament.Second(Grid.IdxY, round, blocks) * KernelShape.JacobiBlock * columns) + column;
        var x0 = Read(x, first, columns);
        var x1 = Read(x, first + (4 * columns), columns);
        var x2 = Read(x, first + (8 * columns), columns);
        var x3 = Read(x, first + (12 * columns), columns);
        var x4 = Read(x, second, columns);
        var x5 = Read(x, second + (4 * columns), columns);
        var x6 = Read(x, second + (8 * columns), columns);
        var x7 = Read(x, second + (12 * columns), columns);
        for (var i = 0; i < Side; i++)
        {
            var sum = Dot(quads[8 * i], x0) + Dot(quads[(8 * i) + 1], x1) + Dot(quads[(8 * i) + 2], x2) + Dot(quads[(8 * i) + 3], x3)
                + Dot(quads[(8 * i) + 4], x4) + Dot(quads[(8 * i) + 5], x5) + Dot(quads[(8 * i) + 6], x6) + Dot(quads[(8 * i) + 7], x7);
            x[i < KernelShape.JacobiBlock ? first + (i * columns) : second + ((i - KernelShape.JacobiBlock) * columns)] = sum;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Quad<T> Read<T>(ArrayView<T> x, int place, int stride)
        where T : unmanaged => new() { X = x[place], Y = x[place + stride], Z = x[place + (2 * stride)], W = x[place + (3 * stride)] };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T Dot<T>(Quad<T> a, Quad<T> b)
        where T : unmanaged, INumber<T> => (a.X * b.X) + (a.Y * b.Y) + (a.Z * b.Z) + (a.W * b.W);
}
