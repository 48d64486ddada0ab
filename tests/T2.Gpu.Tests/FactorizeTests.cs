using T2.Kernels;
using T2.Kernels.Gpu;

namespace T2.Gpu.Tests;

/// <summary>The whole factorisation on a device, against the fp64 reference kernel.</summary>
[Collection(OpenClCollection.Name)]
public sealed class FactorizeTests(OpenClFixture openCl)
{
    [SkippableTheory]
    [InlineData(1, 1)]
    [InlineData(1, 40)]
    [InlineData(37, 1)]
    [InlineData(31, 32)]
    [InlineData(33, 31)]
    [InlineData(64, 200)]
    [InlineData(257, 65)]
    [InlineData(130, 127)]
    public void Agrees_with_the_fp64_reference(int rows, int columns)
    {
        var shape = new MatrixShape(rows, columns);
        var weight = Matrices.Random(new Random(rows + columns), rows * columns, 0.02);
        CheckAgainstReference(weight, shape, 1e-12, 1e-6);
    }

    [SkippableTheory]
    [InlineData(48, 80)]
    [InlineData(90, 70)]
    public void Agrees_for_values_over_six_orders_of_magnitude(int rows, int columns)
    {
        var shape = new MatrixShape(rows, columns);
        var sigma = Enumerable.Range(0, shape.Rank).Select(i => Math.Pow(10, -6.0 * i / (shape.Rank - 1))).ToArray();
        CheckAgainstReference(Matrices.WithSingularValues(new Random(1), rows, columns, sigma), shape, 1e-12, 1e-6);
    }

    [SkippableFact]
    public void Clusters_and_a_null_space_do_not_disturb_it()
    {
        var shape = new MatrixShape(70, 50);
        var sigma = Enumerable.Range(0, 50).Select(i => i < 20 ? 3.0 : i < 35 ? 1.0 - (1e-7 * i) : 0.0).ToArray();
        var weight = Matrices.WithSingularValues(new Random(2), 70, 50, sigma);
        var (values, basis) = Factorize(weight, shape);
        for (var i = 0; i < 50; i++)
            Assert.Equal(sigma[i], values[i], 1e-6);
        Assert.InRange(Matrices.DistanceFromOrthonormal(Array.ConvertAll(basis, x => (double)x), 50), 0, 1e-6);
    }

    [SkippableFact]
    public void A_weight_of_zeros_has_an_orthonormal_basis_and_no_singular_values()
    {
        var (values, basis) = Factorize(new float[20 * 40], new MatrixShape(20, 40));
        Assert.All(values, value => Assert.Equal(0, value));
        Assert.InRange(Matrices.DistanceFromOrthonormal(Array.ConvertAll(basis, x => (double)x), 20), 0, 1e-7);
    }

    [SkippableTheory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void A_value_that_is_not_finite_is_refused(float value)
    {
        var weight = Matrices.Random(new Random(3), 40 * 40, 0.02);
        weight[777] = value;
        var live = openCl.Device.LiveBuffers;
        Assert.Throws<FactorizationException>(() => Factorize(weight, new MatrixShape(40, 40)));
        Assert.Equal(live, openCl.Device.LiveBuffers);
    }

    [SkippableFact]
    public void Cancelling_frees_everything()
    {
        using var source = new CancellationTokenSource();
        source.Cancel();
        var live = openCl.Device.LiveBuffers;
        var kernel = new GpuWeightKernel(openCl.Device);
        Assert.Throws<OperationCanceledException>(() => kernel.Factorize(new float[100], new MatrixShape(10, 10), new double[10], new float[100], 1, source.Token));
        Assert.Equal(live, openCl.Device.LiveBuffers);
    }

    private (double[] Values, float[] Basis) Factorize(float[] weight, MatrixShape shape)
    {
        var values = new double[shape.Rank];
        var basis = new float[shape.Rank * shape.Rank];
        new GpuWeightKernel(openCl.Device).Factorize(weight, shape, values, basis, 1, CancellationToken.None);
        return (values, basis);
    }

    private void CheckAgainstReference(float[] weight, MatrixShape shape, double sigmaBound, double effectBound)
    {
        var expected = new double[shape.Rank];
        var expectedBasis = new float[shape.Rank * shape.Rank];
        new ReferenceKernel().Factorize(weight, shape, expected, expectedBasis, 1, CancellationToken.None);
        var (actual, basis) = Factorize(weight, shape);

        for (var i = 0; i < shape.Rank; i++)
            Assert.True(Math.Abs(actual[i] - expected[i]) <= sigmaBound * expected[0], $"σ[{i}] is {actual[i]:r}, not {expected[i]:r}");
        Assert.InRange(Matrices.DistanceFromOrthonormal(Array.ConvertAll(basis, x => (double)x), shape.Rank), 0, 1e-6);

        // Vectors are free in sign and within clusters; what they do to a weight is not.
        var random = new Random(9);
        var z = Enumerable.Range(0, shape.Rank).Select(_ => (float)(0.5 + random.NextDouble())).ToArray();
        Assert.InRange(Matrices.RelativeError(Rebuilt(weight, shape, basis, z), Rebuilt(weight, shape, expectedBasis, z)), 0, effectBound);
    }

    private static float[] Rebuilt(float[] weight, MatrixShape shape, float[] basis, float[] z)
    {
        var result = new float[weight.Length];
        new ReferenceKernel().Rebuild(
            new RebuildJob
            {
                Source = System.Runtime.InteropServices.MemoryMarshal.AsBytes<float>(weight),
                SourceType = Gguf.TensorType.F32,
                Shape = shape,
                Basis = basis,
                Z = z,
                Destination = System.Runtime.InteropServices.MemoryMarshal.AsBytes(result.AsSpan()),
                DestinationType = Gguf.TensorType.F32,
            },
            1, CancellationToken.None);
        return result;
    }
}
