namespace T2.Kernels.Tests;

/// <summary>Matrices to decompose, by seed; the same on every machine.</summary>
internal static class TestMatrix
{
    /// <summary>Independent normal values, as trained weights look from afar.</summary>
    public static float[] Normal(MatrixShape shape, int seed, double scale = 0.04)
    {
        var random = new Random(seed);
        var values = new float[shape.Length];
        for (var i = 0; i < values.Length; i++)
            values[i] = (float)(scale * NextNormal(random));
        return values;
    }

    /// <summary>U·diag(spectrum)·Vᵀ with random orthonormal U and V, rounded to fp32.</summary>
    public static float[] WithSpectrum(MatrixShape shape, double[] spectrum, int seed)
    {
        var random = new Random(seed);
        double[][] u = Orthonormal(shape.Rank, shape.Rows, random), v = Orthonormal(shape.Rank, shape.Columns, random);
        var values = new double[shape.Length];
        for (var i = 0; i < shape.Rank; i++)
        {
            for (var row = 0; row < shape.Rows; row++)
            {
                for (var column = 0; column < shape.Columns; column++)
                    values[(row * shape.Columns) + column] += spectrum[i] * u[i][row] * v[i][column];
            }
        }
        return [.. values.Select(static value => (float)value)];
    }

    /// <summary>z in [0.5, 1.5], the same for indices of the same group.</summary>
    public static float[] Z(int length, int seed, int groupSize = 1)
    {
        var random = new Random(seed);
        var groups = new float[(length / groupSize) + 1];
        for (var i = 0; i < groups.Length; i++)
            groups[i] = 0.5f + random.NextSingle();
        return [.. Enumerable.Range(0, length).Select(i => groups[i / groupSize])];
    }

    public static double RelativeError(ReadOnlySpan<float> actual, double[] expected)
    {
        double error = 0, norm = 0;
        for (var i = 0; i < expected.Length; i++)
        {
            error += (actual[i] - expected[i]) * (actual[i] - expected[i]);
            norm += expected[i] * expected[i];
        }
        return error == 0 ? 0 : Math.Sqrt(error / norm);
    }

    private static double[][] Orthonormal(int count, int length, Random random)
    {
        var vectors = new double[count][];
        for (var i = 0; i < count; i++)
        {
            vectors[i] = [.. Enumerable.Range(0, length).Select(_ => NextNormal(random))];
            // Gram-Schmidt, twice: once loses digits.
            for (var pass = 0; pass < 2; pass++)
            {
                for (var j = 0; j < i; j++)
                {
                    var dot = vectors[i].Zip(vectors[j], static (a, b) => a * b).Sum();
                    for (var k = 0; k < length; k++)
                        vectors[i][k] -= dot * vectors[j][k];
                }
            }
            var norm = Math.Sqrt(vectors[i].Sum(static value => value * value));
            for (var k = 0; k < length; k++)
                vectors[i][k] /= norm;
        }
        return vectors;
    }

    private static double NextNormal(Random random) =>
        Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
}
