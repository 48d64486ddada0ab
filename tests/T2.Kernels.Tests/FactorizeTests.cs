namespace T2.Kernels.Tests;

public class FactorizeTests
{
    public static TheoryData<string> Kernels => KernelData.Kernels;

    public static TheoryData<string, int, int> KernelsAndShapes => KernelData.KernelsAndShapes;

    [SkippableTheory]
    [MemberData(nameof(KernelsAndShapes))]
    public void Random_weights_of_awkward_shapes_are_decomposed(string kernel, int rows, int columns)
    {
        var shape = new MatrixShape(rows, columns);
        AssertDecomposed(KernelData.Get(kernel), TestMatrix.Normal(shape, seed: (rows * 1000) + columns), shape);
    }

    [SkippableTheory]
    [MemberData(nameof(Kernels))]
    public void Clustered_spectra_are_decomposed(string kernel)
    {
        foreach (var shape in (MatrixShape[])[new(60, 40), new(40, 60), new(48, 48)])
        {
            double[] spectrum = [.. Enumerable.Range(0, shape.Rank).Select(static i => Math.Pow(10, -(i / 10)))];
            AssertDecomposed(KernelData.Get(kernel), TestMatrix.WithSpectrum(shape, spectrum, seed: 5), shape);
        }
    }

    [SkippableTheory]
    [MemberData(nameof(Kernels))]
    public void Small_singular_values_are_accurate_and_tiny_ones_small(string kernel)
    {
        foreach (var (smallest, tolerance) in (ReadOnlySpan<(double, double)>)[(1e-6, 1e-12), (1e-12, 1e-8)])
        {
            foreach (var shape in (MatrixShape[])[new(60, 40), new(40, 60)])
            {
                double[] spectrum = [.. Enumerable.Range(0, shape.Rank).Select(i => Math.Pow(smallest, (double)i / (shape.Rank - 1)))];
                AssertDecomposed(KernelData.Get(kernel), TestMatrix.WithSpectrum(shape, spectrum, seed: 6), shape, tolerance);
            }
        }
    }

    [SkippableTheory]
    [MemberData(nameof(Kernels))]
    public void Rank_deficient_weights_get_a_complete_basis(string kernel)
    {
        foreach (var shape in (MatrixShape[])[new(50, 33), new(33, 50)])
        {
            // Exactly rank 2 in fp32 too: small integers times small integers.
            var weight = new float[shape.Length];
            for (var i = 0; i < weight.Length; i++)
            {
                int row = i / shape.Columns, column = i % shape.Columns;
                weight[i] = ((row % 5) * (column % 3)) - ((row % 2) * (column % 7));
            }
            AssertDecomposed(KernelData.Get(kernel), weight, shape);
        }
    }

    [SkippableTheory]
    [MemberData(nameof(Kernels))]
    public void A_zero_weight_has_zero_singular_values_and_an_orthonormal_basis(string kernel)
    {
        var shape = new MatrixShape(9, 5);
        var (sigma, basis) = KernelData.Get(kernel).Factorize(new float[shape.Length], shape);
        Assert.All(sigma, static value => Assert.Equal(0, value));
        AssertOrthonormal(basis, shape.Rank);
    }

    [SkippableTheory]
    [MemberData(nameof(Kernels))]
    public void Weights_of_extreme_magnitude_neither_overflow_nor_vanish(string kernel)
    {
        var shape = new MatrixShape(20, 12);
        foreach (var scale in (double[])[1e37, 1e-36])
            AssertDecomposed(KernelData.Get(kernel), TestMatrix.Normal(shape, seed: 8, scale), shape);
    }

    [SkippableTheory]
    [MemberData(nameof(Kernels))]
    public void A_value_that_is_not_finite_is_refused_by_its_place(string kernel)
    {
        var shape = new MatrixShape(4, 6);
        foreach (var bad in (float[])[float.NaN, float.PositiveInfinity, float.NegativeInfinity])
        {
            var weight = TestMatrix.Normal(shape, seed: 1);
            weight[(2 * 6) + 5] = bad;
            var error = Assert.Throws<FactorizationException>(() => KernelData.Get(kernel).Factorize(weight, shape));
            Assert.Contains("row 2, column 5", error.Message, StringComparison.Ordinal);
        }
    }

    [SkippableTheory]
    [MemberData(nameof(Kernels))]
    public void Buffers_that_do_not_fit_the_shape_are_refused(string kernel)
    {
        var tested = KernelData.Get(kernel);
        void Refuses(int weight, int sigma, int basis, int threads, string named)
        {
            var error = Assert.ThrowsAny<ArgumentException>(() => tested.Factorize(
                new float[weight], new MatrixShape(4, 6), new double[sigma], new float[basis], threads, CancellationToken.None));
            Assert.Contains(named, error.Message, StringComparison.OrdinalIgnoreCase);
        }
        Refuses(23, 4, 16, 1, "weight");
        Refuses(24, 6, 16, 1, "singularValues");
        Refuses(24, 4, 24, 1, "basis");
        Refuses(24, 4, 16, 0, "thread");
    }

    [SkippableTheory]
    [MemberData(nameof(Kernels))]
    public void A_cancelled_call_stops(string kernel)
    {
        var tested = KernelData.Get(kernel);
        var shape = new MatrixShape(30, 30);
        var weight = TestMatrix.Normal(shape, seed: 3);
        Assert.ThrowsAny<OperationCanceledException>(() => tested.Factorize(weight, shape, new double[30], new float[900], 2, new CancellationToken(canceled: true)));
    }

    [Fact]
    public void The_reference_gives_the_same_bits_whatever_the_number_of_threads()
    {
        foreach (var shape in (MatrixShape[])[new(333, 260), new(260, 333)])
        {
            var weight = TestMatrix.Normal(shape, seed: 4);
            var kernel = new ReferenceKernel();
            double[] sigma1 = new double[shape.Rank], sigma4 = new double[shape.Rank];
            float[] basis1 = new float[shape.Rank * shape.Rank], basis4 = new float[shape.Rank * shape.Rank];
            kernel.Factorize(weight, shape, sigma1, basis1, 1, CancellationToken.None);
            kernel.Factorize(weight, shape, sigma4, basis4, 4, CancellationToken.None);
            Assert.Equal(sigma1, sigma4);
            Assert.Equal(basis1, basis4);
        }
    }

    /// <summary>The basis is orthonormal, it diagonalises the Gram matrix to σ², and σ is that of the oracle.</summary>
    private static void AssertDecomposed(IWeightKernel kernel, float[] weight, MatrixShape shape, double tolerance = 1e-12)
    {
        var (sigma, basis) = kernel.Factorize(weight, shape);
        AssertOrthonormal(basis, shape.Rank);

        var expected = new JacobiSvd(weight, shape).Sigma;
        var largest = expected[0];
        for (var i = 0; i < shape.Rank; i++)
        {
            Assert.True(Math.Abs(sigma[i] - expected[i]) <= tolerance * largest, $"σ[{i}] of {shape} is {sigma[i]:R}, expected {expected[i]:R}; σ[0] is {largest:R}");
            Assert.True(i == 0 || sigma[i] <= sigma[i - 1], $"σ of {shape} is not descending at {i}");
        }

        var images = Images(weight, shape, basis);
        for (var i = 0; i < shape.Rank; i++)
        {
            for (var j = 0; j <= i; j++)
            {
                var dot = images[i].Zip(images[j], static (a, b) => a * b).Sum();
                var wanted = i == j ? sigma[i] * sigma[i] : 0;
                Assert.True(Math.Abs(dot - wanted) <= 1e-6 * largest * largest, $"the Gram matrix of {shape} is {dot:R} at ({i}, {j}), expected {wanted:R}");
            }
        }
    }

    /// <summary>W·vᵢ, or Wᵀ·uᵢ.</summary>
    private static double[][] Images(float[] weight, MatrixShape shape, float[] basis)
    {
        var images = new double[shape.Rank][];
        for (var i = 0; i < shape.Rank; i++)
        {
            images[i] = new double[Math.Max(shape.Rows, shape.Columns)];
            for (var row = 0; row < shape.Rows; row++)
            {
                for (var column = 0; column < shape.Columns; column++)
                {
                    double value = weight[(row * shape.Columns) + column];
                    if (shape.Side == FactorSide.Right)
                        images[i][row] += value * basis[(i * shape.Rank) + column];
                    else
                        images[i][column] += value * basis[(i * shape.Rank) + row];
                }
            }
        }
        return images;
    }

    private static void AssertOrthonormal(float[] basis, int rank)
    {
        for (var i = 0; i < rank; i++)
        {
            for (var j = 0; j <= i; j++)
            {
                var dot = 0.0;
                for (var k = 0; k < rank; k++)
                    dot += (double)basis[(i * rank) + k] * basis[(j * rank) + k];
                Assert.True(Math.Abs(dot - (i == j ? 1 : 0)) <= 3e-7, $"rows {i} and {j} of a basis of {rank} have product {dot:R}");
            }
        }
    }
}
