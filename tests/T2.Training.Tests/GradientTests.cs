using Xunit.Abstractions;

namespace T2.Training.Tests;

/// <summary>The reference against finite differences, and the engine against the reference.</summary>
public sealed class GradientTests(ITestOutputHelper output)
{
    [Theory]
    [MemberData(nameof(TinyModels.Names), MemberType = typeof(TinyModels))]
    public void The_reference_agrees_with_central_differences_for_every_tensor(string name)
    {
        var shape = TinyModels.Named(name);
        var model = TinyModels.Create(shape);
        var batch = TinyModels.Batch(shape, 3, 5, 1, 4);
        var oracle = new Oracle(model);
        var gradients = oracle.Gradients(batch).Gradients;
        const double h = 1e-5;
        foreach (var tensor in model.Tensors)
        {
            var weights = oracle.Weights[tensor.Name];
            var scale = gradients[tensor.Name].Max(Math.Abs);
            Assert.True(scale > 1e-3, $"{tensor.Name} has no gradient to speak of");
            for (var i = 0; i < weights.Length; i += Math.Max(1, weights.Length / 7))
            {
                var value = weights[i];
                weights[i] = value + h;
                var above = oracle.Loss(batch);
                weights[i] = value - h;
                var below = oracle.Loss(batch);
                weights[i] = value;
                var difference = (above - below) / (2 * h);
                Assert.True(Math.Abs(difference - gradients[tensor.Name][i]) <= 1e-7 * scale + 1e-8, $"{tensor.Name}[{i}]: {gradients[tensor.Name][i]} against {difference}");
            }
        }
    }

    [Theory]
    [MemberData(nameof(TinyModels.Names), MemberType = typeof(TinyModels))]
    public void The_engine_agrees_with_the_reference_for_every_tensor(string name)
    {
        var shape = TinyModels.Named(name);
        var model = TinyModels.Create(shape);
        var batch = name == "awkward" ? TinyModels.Batch(shape, 5, 97, 1, 130, 7) : TinyModels.Batch(shape, 5, 9, 1, 13, 40);
        var parameters = new FullParameters(model);
        using var engine = new TrainingEngine(model, parameters, 2);
        var (expected, gradients) = new Oracle(model).Gradients(batch);
        var loss = engine.Accumulate(batch);
        Assert.Equal(expected.Loss, loss.Loss, 1e-4 * Math.Max(1, Math.Abs(expected.Loss)));
        Assert.Equal(Oracle.Targets(batch).Length, loss.Targets);
        foreach (var (row, t) in Oracle.Targets(batch).Index())
            Assert.Equal(expected.LogProbabilities[row], loss.TokenLogProbabilities[t], 1e-4);
        foreach (var tensor in parameters.Tensors)
            AssertClose(gradients[tensor.Name], tensor.Gradient, 3e-5, tensor.Name);

        // A second pass adds the same again.
        engine.Accumulate(batch);
        foreach (var tensor in parameters.Tensors)
            AssertClose([.. gradients[tensor.Name].Select(static g => 2 * g)], tensor.Gradient, 3e-5, tensor.Name);
    }

    [Fact]
    public void Gradients_do_not_depend_on_the_number_of_threads()
    {
        var model = TinyModels.Create(TinyModels.Awkward);
        var batch = TinyModels.Batch(model.Shape, 5, 97, 1, 130, 7, 50, 60);
        var all = new List<float[]>();
        foreach (var threads in (int[])[1, 2, 4])
        {
            var parameters = new FullParameters(model);
            using var engine = new TrainingEngine(model, parameters, threads);
            engine.Accumulate(batch);
            all.Add([.. parameters.Tensors.SelectMany(static tensor => tensor.Gradient)]);
        }
        Assert.Equal(all[0], all[1]);
        Assert.Equal(all[0], all[2]);
    }

    private void AssertClose(double[] expected, float[] actual, double tolerance, string what)
    {
        var scale = expected.Max(Math.Abs);
        var worst = expected.Select((value, i) => Math.Abs(value - actual[i])).Max();
        output.WriteLine($"{what}: {worst / scale:e2} of {scale:e2}");
        Assert.True(worst <= tolerance * scale, $"{what}: {worst:e2} off, {scale:e2} at most");
    }
}
