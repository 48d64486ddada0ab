using System.Numerics;
using System.Runtime.CompilerServices;

namespace T2.Kernels;

/// <summary>
/// The one dense product under the reference kernel: a tile of C = A·B in fp64, from packed slivers, with 6 × 2 vectors of C in registers.
/// A tile's values do not depend on how tiles are spread over threads.
/// Here and in its siblings AggressiveOptimization skips the first tier of compilation, whose vectors are slower than scalars.
/// </summary>
internal sealed unsafe class TileProduct : IDisposable
{
    /// <summary>Rows of the largest tile.</summary>
    public const int MaxRows = 96;

    /// <summary>Columns of the largest tile, and the distance between the rows of <see cref="Tile"/>.</summary>
    public const int MaxColumns = 192;

    private const int DepthStep = 192;
    private const int SliverRows = 6;
    private static readonly int s_sliverColumns = 2 * Vector<double>.Count;

    private readonly PinnedBuffer<double> _a = new(MaxRows * DepthStep);
    private readonly PinnedBuffer<double> _b = new(MaxColumns * DepthStep);
    private readonly PinnedBuffer<double> _c = new(MaxRows * MaxColumns);

    /// <summary>The last product, row-major with rows <see cref="MaxColumns"/> apart.</summary>
    public double* Tile => _c.Pointer;

    /// <summary>Number of tiles of <paramref name="size"/> that cover <paramref name="length"/>.</summary>
    public static int Count(int length, int size) => (length + size - 1) / size;

    /// <summary>Computes <see cref="Tile"/>[i,j] = Σ_k A(row+i, k)·B(k, column+j) for k in [0, depth).</summary>
    public void Multiply(in PanelOperand a, int row, int rows, in PanelOperand b, int column, int columns, int depth)
    {
        _c.Span.Clear();
        for (var start = 0; start < depth; start += DepthStep)
        {
            var step = Math.Min(DepthStep, depth - start);
            a.Pack(row, rows, start, step, SliverRows, _a.Pointer);
            b.Pack(column, columns, start, step, s_sliverColumns, _b.Pointer);
            for (var j = 0; j < columns; j += s_sliverColumns)
            {
                for (var i = 0; i < rows; i += SliverRows)
                    MultiplySliver(_a.Pointer + ((nint)i * step), _b.Pointer + ((nint)j * step), step, Tile + ((nint)i * MaxColumns) + j);
            }
        }
    }

    public void Dispose()
    {
        _a.Dispose();
        _b.Dispose();
        _c.Dispose();
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void MultiplySliver(double* a, double* b, int depth, double* c)
    {
        Vector<double> c00 = default, c01 = default, c10 = default, c11 = default, c20 = default, c21 = default;
        Vector<double> c30 = default, c31 = default, c40 = default, c41 = default, c50 = default, c51 = default;
        for (var k = 0; k < depth; k++)
        {
            var b0 = Vector.Load(b);
            var b1 = Vector.Load(b + Vector<double>.Count);
            var value = new Vector<double>(a[0]);
            c00 = Vector.MultiplyAddEstimate(value, b0, c00);
            c01 = Vector.MultiplyAddEstimate(value, b1, c01);
            value = new Vector<double>(a[1]);
            c10 = Vector.MultiplyAddEstimate(value, b0, c10);
            c11 = Vector.MultiplyAddEstimate(value, b1, c11);
            value = new Vector<double>(a[2]);
            c20 = Vector.MultiplyAddEstimate(value, b0, c20);
            c21 = Vector.MultiplyAddEstimate(value, b1, c21);
            value = new Vector<double>(a[3]);
            c30 = Vector.MultiplyAddEstimate(value, b0, c30);
            c31 = Vector.MultiplyAddEstimate(value, b1, c31);
            value = new Vector<double>(a[4]);
            c40 = Vector.MultiplyAddEstimate(value, b0, c40);
            c41 = Vector.MultiplyAddEstimate(value, b1, c41);
            value = new Vector<double>(a[5]);
            c50 = Vector.MultiplyAddEstimate(value, b0, c50);
            c51 = Vector.MultiplyAddEstimate(value, b1, c51);
            a += SliverRows;
            b += 2 * Vector<double>.Count;
        }
        Add(c, c00, c01);
        Add(c + MaxColumns, c10, c11);
        Add(c + (2 * MaxColumns), c20, c21);
        Add(c + (3 * MaxColumns), c30, c31);
        Add(c + (4 * MaxColumns), c40, c41);
        Add(c + (5 * MaxColumns), c50, c51);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add(double* c, Vector<double> first, Vector<double> second)
    {
        (Vector.Load(c) + first).Store(c);
        (Vector.Load(c + Vector<double>.Count) + second).Store(c + Vector<double>.Count);
    }
}
