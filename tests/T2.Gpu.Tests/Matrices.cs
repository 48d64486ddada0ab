namespace T2.Gpu.Tests;

/// <summary>Test matrices, row-major.</summary>
internal static class Matrices
{
    public static double Normal(Random random) => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());

    public static float[] Random(Random random, int count, double scale)
    {
        var values = new float[count];
        for (var i = 0; i < count; i++)
            values[i] = (float)(Normal(random) * scale);
        return values;
    }

    /// <summary>n orthonormal rows, by Gram–Schmidt applied twice.</summary>
    public static double[] Orthonormal(Random random, int n)
    {
        var q = new double[n * n];
        for (var i = 0; i < n; i++)
        {
            var row = q.AsSpan(i * n, n);
            for (var j = 0; j < n; j++)
                row[j] = Normal(random);
            for (var pass = 0; pass < 2; pass++)
            {
                for (var k = 0; k < i; k++)
                {
                    var other = q.AsSpan(k * n, n);
                    var dot = Dot(row, other);
                    for (var j = 0; j < n; j++)
                        row[j] -= dot * other[j];
                }
            }
            var norm = Math.Sqrt(Dot(row, row));
            for (var j = 0; j < n; j++)
                row[j] /= norm;
        }
        return q;
    }

    /// <summary>A weight with these singular values.</summary>
    public static float[] WithSingularValues(Random random, int rows, int columns, double[] sigma)
    {
        var u = Orthonormal(random, rows);
        var v = Orthonormal(random, columns);
        var values = new float[rows * columns];
        for (var i = 0; i < rows; i++)
        {
            for (var j = 0; j < columns; j++)
            {
                var sum = 0d;
                for (var k = 0; k < sigma.Length; k++)
                    sum += u[(k * rows) + i] * sigma[k] * v[(k * columns) + j];
                values[(i * columns) + j] = (float)sum;
            }
        }
        return values;
    }

    /// <summary>max |(E·Eᵀ − I)ᵢⱼ|.</summary>
    public static double DistanceFromOrthonormal(ReadOnlySpan<double> e, int n)
    {
        var worst = 0d;
        for (var i = 0; i < n; i++)
        {
            for (var j = 0; j <= i; j++)
                worst = Math.Max(worst, Math.Abs(Dot(e.Slice(i * n, n), e.Slice(j * n, n)) - (i == j ? 1 : 0)));
        }
        return worst;
    }

    public static double Dot(ReadOnlySpan<double> a, ReadOnlySpan<double> b)
    {
        var sum = 0d;
        for (var i = 0; i < a.Length; i++)
            sum += a[i] * b[i];
        return sum;
    }

    /// <summary>‖a − b‖ / ‖b‖, Frobenius.</summary>
    public static double RelativeError(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        double difference = 0, size = 0;
        for (var i = 0; i < a.Length; i++)
        {
            difference += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
            size += (double)b[i] * b[i];
        }
        return Math.Sqrt(difference / size);
    }
}
