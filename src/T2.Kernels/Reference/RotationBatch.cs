using System.Numerics;
using System.Runtime.CompilerServices;

namespace T2.Kernels;

/// <summary>
/// Plane rotations of neighbouring rows, recorded by the QL iteration and applied to the eigenvector rows a batch at a time: a strip of columns is packed,
/// takes every sweep of the batch while it stays in the cache, and goes back. Strips are independent, so threads share them.
/// </summary>
internal sealed unsafe class RotationBatch : IDisposable
{
    /// <summary>Rotations kept per row of the matrix: enough that packing a strip costs little beside rotating it.</summary>
    private const int RotationsPerRow = 64;

    private static readonly int s_stripColumns = 4 * Vector<double>.Count;

    private readonly int _n;
    private readonly PinnedBuffer<double> _cosines;
    private readonly PinnedBuffer<double> _sines;
    private readonly List<Sweep> _sweeps = [];
    private int _count;

    public RotationBatch(int n)
    {
        _n = n;
        _cosines = new((long)n * RotationsPerRow);
        _sines = new((long)n * RotationsPerRow);
    }

    private readonly record struct Sweep(int Upper, int Start, int Count);

    /// <summary>Whether one more sweep over all rows would still fit.</summary>
    public bool HasRoom => _count + _n <= _cosines.Length;

    /// <summary>Begins a sweep whose first rotation mixes rows <paramref name="upper"/>−1 and <paramref name="upper"/>; each further one is a row lower.</summary>
    public void BeginSweep(int upper) => _sweeps.Add(new Sweep(upper, _count, 0));

    /// <summary>Adds row[i+1]' = s·row[i] + c·row[i+1], row[i]' = c·row[i] − s·row[i+1] to the sweep begun last.</summary>
    public void Add(double cosine, double sine)
    {
        _cosines.Pointer[_count] = cosine;
        _sines.Pointer[_count] = sine;
        _count++;
    }

    /// <summary>Ends the sweep begun last.</summary>
    public void EndSweep() => _sweeps[^1] = _sweeps[^1] with { Count = _count - _sweeps[^1].Start };

    /// <summary>Applies and forgets everything recorded.</summary>
    /// <param name="rows">n×n, row-major.</param>
    /// <param name="work">Threads, and the cancellation: checked before each strip.</param>
    public void Apply(double* rows, ParallelWork work)
    {
        work.For(TileProduct.Count(_n, s_stripColumns), index =>
        {
            var column = index * s_stripColumns;
            var columns = Math.Min(s_stripColumns, _n - column);
            using var strip = new PinnedBuffer<double>((long)_n * s_stripColumns);
            for (var i = 0; i < _n; i++)
                new Span<double>(rows + ((nint)i * _n) + column, columns).CopyTo(strip.Span[(i * s_stripColumns)..]);
            foreach (var sweep in _sweeps)
                Rotate(strip.Pointer, sweep);
            for (var i = 0; i < _n; i++)
                strip.Span.Slice(i * s_stripColumns, columns).CopyTo(new Span<double>(rows + ((nint)i * _n) + column, columns));
        });
        _sweeps.Clear();
        _count = 0;
    }

    public void Dispose()
    {
        _cosines.Dispose();
        _sines.Dispose();
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Rotate(double* strip, Sweep sweep)
    {
        var step = Vector<double>.Count;
        var row = strip + ((nint)sweep.Upper * 4 * step);
        Vector<double> carry0 = Vector.Load(row), carry1 = Vector.Load(row + step), carry2 = Vector.Load(row + (2 * step)), carry3 = Vector.Load(row + (3 * step));
        double* cosines = _cosines.Pointer + sweep.Start, sines = _sines.Pointer + sweep.Start;
        for (var i = 0; i < sweep.Count; i++)
        {
            Vector<double> c = new(cosines[i]), s = new(sines[i]);
            var below = row - (4 * step);
            carry0 = Rotate(below, row, carry0, c, s);
            carry1 = Rotate(below + step, row + step, carry1, c, s);
            carry2 = Rotate(below + (2 * step), row + (2 * step), carry2, c, s);
            carry3 = Rotate(below + (3 * step), row + (3 * step), carry3, c, s);
            row = below;
        }
        carry0.Store(row);
        carry1.Store(row + step);
        carry2.Store(row + (2 * step));
        carry3.Store(row + (3 * step));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<double> Rotate(double* below, double* row, Vector<double> carry, Vector<double> c, Vector<double> s)
    {
        var value = Vector.Load(below);
        Vector.MultiplyAddEstimate(s, value, c * carry).Store(row);
        return (c * value) - (s * carry);
    }
}
