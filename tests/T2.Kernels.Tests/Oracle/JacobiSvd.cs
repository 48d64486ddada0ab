using System.Numerics;
using System.Runtime.InteropServices;

namespace T2.Kernels.Tests;

/// <summary>
/// Singular value decomposition by one-sided Jacobi rotations (Hestenes) in fp64: slow, accurate for small σ too, and with nothing in common with the kernels'
/// Gram matrices. W = Σ σᵢ·uᵢ·vᵢᵀ with the vectors as rows of <see cref="U"/> and <see cref="V"/>; uᵢ (or vᵢ, for a wide W) is zero where σᵢ is.
/// </summary>
internal sealed class JacobiSvd
{
    public double[] Sigma { get; }

    public double[][] U { get; }

    public double[][] V { get; }

    public JacobiSvd(float[] weight, MatrixShape shape)
    {
        var tall = shape.Columns <= shape.Rows;
        int vectors = shape.Rank, length = Math.Max(shape.Rows, shape.Columns);
        var columns = new double[vectors][];
        var turned = new double[vectors][];
        for (var i = 0; i < vectors; i++)
        {
            columns[i] = new double[length];
            turned[i] = new double[vectors];
            turned[i][i] = 1;
            for (var k = 0; k < length; k++)
                columns[i][k] = tall ? weight[(k * shape.Columns) + i] : weight[(i * shape.Columns) + k];
        }
        Orthogonalize(columns, turned);

        var norms = columns.Select(static column => Math.Sqrt(Dot(column, column))).ToArray();
        var order = Enumerable.Range(0, vectors).OrderByDescending(i => norms[i]).ToArray();
        Sigma = [.. order.Select(i => norms[i])];
        double[][] unit = [.. order.Select(i => columns[i].Select(value => norms[i] > 0 ? value / norms[i] : 0).ToArray())];
        double[][] other = [.. order.Select(i => turned[i])];
        (U, V) = tall ? (unit, other) : (other, unit);
    }

    /// <summary>U·diag(σ⊙z)·Vᵀ, row-major.</summary>
    public double[] Recompose(float[] z)
    {
        int rows = U[0].Length, columns = V[0].Length;
        var result = new double[rows * columns];
        for (var i = 0; i < Sigma.Length; i++)
        {
            for (var row = 0; row < rows; row++)
            {
                var factor = Sigma[i] * z[i] * U[i][row];
                for (var column = 0; column < columns; column++)
                    result[(row * columns) + column] += factor * V[i][column];
            }
        }
        return result;
    }

    private static void Orthogonalize(double[][] columns, double[][] turned)
    {
        // A column this short is rounding noise of a zero one; its angle to the others means nothing.
        var noise = 1e-32 * columns.Sum(static column => Dot(column, column));
        for (var sweep = 0; sweep < 60; sweep++)
        {
            var rotated = false;
            for (var i = 0; i < columns.Length; i++)
            {
                for (var j = i + 1; j < columns.Length; j++)
                {
                    double a = Dot(columns[i], columns[i]), b = Dot(columns[j], columns[j]), c = Dot(columns[i], columns[j]);
                    if (Math.Min(a, b) <= noise || Math.Abs(c) <= 1e-15 * Math.Sqrt(a * b))
                        continue;
                    rotated = true;
                    var ratio = (b - a) / (2 * c);
                    var tangent = Math.CopySign(1, ratio) / (Math.Abs(ratio) + Math.Sqrt(1 + (ratio * ratio)));
                    var cosine = 1 / Math.Sqrt(1 + (tangent * tangent));
                    Rotate(columns[i], columns[j], cosine, cosine * tangent);
                    Rotate(turned[i], turned[j], cosine, cosine * tangent);
                }
            }
            if (!rotated)
                return;
        }
        throw new InvalidOperationException("The oracle did not converge.");
    }

    private static void Rotate(double[] x, double[] y, double cosine, double sine)
    {
        Span<Vector<double>> xs = MemoryMarshal.Cast<double, Vector<double>>(x.AsSpan()), ys = MemoryMarshal.Cast<double, Vector<double>>(y.AsSpan());
        for (var k = 0; k < xs.Length; k++)
            (xs[k], ys[k]) = ((cosine * xs[k]) - (sine * ys[k]), (sine * xs[k]) + (cosine * ys[k]));
        for (var k = xs.Length * Vector<double>.Count; k < x.Length; k++)
            (x[k], y[k]) = ((cosine * x[k]) - (sine * y[k]), (sine * x[k]) + (cosine * y[k]));
    }

    private static double Dot(double[] x, double[] y)
    {
        ReadOnlySpan<Vector<double>> xs = MemoryMarshal.Cast<double, Vector<double>>(x), ys = MemoryMarshal.Cast<double, Vector<double>>(y);
        var sums = Vector<double>.Zero;
        for (var k = 0; k < xs.Length; k++)
            sums += xs[k] * ys[k];
        var sum = Vector.Sum(sums);
        for (var k = xs.Length * Vector<double>.Count; k < x.Length; k++)
            sum += x[k] * y[k];
        return sum;
    }
}
