using T2.Kernels;

namespace T2.Training.Tests;

public sealed class SvfCoordinatesTests
{
    private static readonly TrainingModel Model = TrainingModel.CreateRandom(
        new ModelShape { VocabularySize = 32, Layers = 1, Embedding = 16, FeedForward = 24, Heads = 2, KvHeads = 1 }, seed: 4);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Training_starts_at_the_base(bool sigmoid)
    {
        var (z, coordinates) = Make(sigmoid);
        coordinates.Apply();
        Assert.All(z.Tensors, static tensor => Assert.All(tensor.Values, static value => Assert.Equal(1, value, 1e-6)));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_gradient_is_that_of_the_coordinates(bool sigmoid)
    {
        var (z, coordinates) = Make(sigmoid);
        Perturb(coordinates);
        // A loss whose gradient by z is known: Σ w·z with weights that vary.
        for (int index = 0; index < z.Tensors.Count; index++)
        {
            for (int i = 0; i < z.Tensors[index].Values.Length; i++)
                z.Tensors[index].Gradient[i] = Weight(index, i);
        }
        coordinates.Apply();
        coordinates.Gather();
        const float Epsilon = 1e-2f;
        foreach (var (index, i) in new[] { (0, 0), (0, 7), (2, 3), (5, 15) })
        {
            float[] c = coordinates.Tensors[index].Values;
            float before = c[i];
            c[i] = before + Epsilon;
            double above = Loss(z, coordinates);
            c[i] = before - Epsilon;
            double below = Loss(z, coordinates);
            c[i] = before;
            Assert.Equal((above - below) / (2 * Epsilon), coordinates.Tensors[index].Gradient[i], 2e-3);
        }
    }

    [Fact]
    public void The_sigmoid_keeps_the_nuclear_norm()
    {
        var (z, coordinates) = Make(sigmoid: true);
        Perturb(coordinates);
        coordinates.Apply();
        foreach (var tensor in z.Tensors)
        {
            var sigma = FactorsOf(tensor.Name).SingularValues;
            double before = sigma.ToArray().Sum();
            double after = sigma.ToArray().Zip(tensor.Values, static (value, factor) => value * factor).Sum();
            Assert.Equal(before, after, 1e-5 * before);
            Assert.Contains(tensor.Values, static value => Math.Abs(value - 1) > 0.01);
        }
    }

    private static double Loss(SvfParameters z, SvfCoordinates coordinates)
    {
        coordinates.Apply();
        return z.Tensors.Select(static (tensor, index) => tensor.Values.Select((value, i) => (double)value * Weight(index, i)).Sum()).Sum();
    }

    private static float Weight(int tensor, int index) => MathF.Sin(1 + 3 * tensor + index);

    private static void Perturb(SvfCoordinates coordinates)
    {
        foreach (var tensor in coordinates.Tensors)
        {
            for (int i = 0; i < tensor.Values.Length; i++)
                tensor.Values[i] = 0.5f * MathF.Cos(i);
        }
    }

    private static (SvfParameters Z, SvfCoordinates Coordinates) Make(bool sigmoid)
    {
        var z = new SvfParameters(Model, FactorsOf, Model.AdaptableWeights);
        return (z, sigmoid ? new SigmoidCoordinates(z, [.. z.Tensors.Select(static tensor => FactorsOf(tensor.Name).SingularValues)]) : new DirectCoordinates(z));
    }

    private static MatrixFactors FactorsOf(string name)
    {
        var weight = Model[name];
        double[] sigma = new double[weight.Shape.Rank];
        float[] basis = new float[weight.Shape.Rank * weight.Shape.Rank];
        KernelRegistry.Resolve("reference").Factorize(weight.Values, weight.Shape, sigma, basis, 1, CancellationToken.None);
        return new MatrixFactors(weight.Shape, sigma, basis);
    }
}
