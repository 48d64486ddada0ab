namespace T2.Training.Tests;

public sealed class AdamWTests
{
    [Fact]
    public void Steps_are_those_of_the_paper_in_fp64()
    {
        var parameters = new Values([1, -2, 0.5f], rows: 3);
        var options = new AdamWOptions { WeightDecay = 0.1, Beta2 = 0.95 };
        var optimiser = new AdamW(parameters, options);
        double[] theta = [1, -2, 0.5], m = new double[3], v = new double[3];
        var random = new Random(1);
        for (var t = 1; t <= 20; t++)
        {
            for (var i = 0; i < 3; i++)
            {
                var g = random.NextSingle() - 0.4f;
                parameters.Tensors[0].Gradient[i] = g;
                m[i] = 0.9 * m[i] + 0.1 * g;
                v[i] = 0.95 * v[i] + 0.05 * g * g;
                theta[i] -= 0.02 * (m[i] / (1 - Math.Pow(0.9, t)) / (Math.Sqrt(v[i] / (1 - Math.Pow(0.95, t))) + 1e-8) + 0.1 * theta[i]);
            }
            optimiser.Step(0.02);
        }
        for (var i = 0; i < 3; i++)
            Assert.Equal(theta[i], parameters.Tensors[0].Values[i], 1e-5);
    }

    [Fact]
    public void Clipping_scales_the_whole_gradient_and_the_norm_told_is_the_one_before()
    {
        var (clipped, scaled) = (new Values([0, 0]), new Values([0, 0]));
        (clipped.Tensors[0].Gradient[0], clipped.Tensors[0].Gradient[1]) = (3, -4);
        (scaled.Tensors[0].Gradient[0], scaled.Tensors[0].Gradient[1]) = (0.3f, -0.4f);
        var options = new AdamWOptions { Epsilon = 1 }; // so that the scale matters
        Assert.Equal(5, new AdamW(clipped, options).Step(1, clipNorm: 0.5), 1e-6);
        new AdamW(scaled, options).Step(1);
        Assert.Equal(scaled.Tensors[0].Values[0], clipped.Tensors[0].Values[0], 1e-6);
        Assert.Equal(scaled.Tensors[0].Values[1], clipped.Tensors[0].Values[1], 1e-6);
    }

    [Fact]
    public void Vectors_do_not_decay_unless_asked()
    {
        var (vector, matrix) = (new Values([1]), new Values([1, 1], rows: 2));
        var options = new AdamWOptions { WeightDecay = 0.5 };
        new AdamW(vector, options).Step(0.1);
        new AdamW(matrix, options).Step(0.1);
        Assert.Equal(1, vector.Tensors[0].Values[0]);
        Assert.Equal(0.95f, matrix.Tensors[0].Values[0], 1e-6);
        new AdamW(vector, options with { DecayVectors = true }).Step(0.1);
        Assert.Equal(0.95f, vector.Tensors[0].Values[0], 1e-6);
    }

    [Fact]
    public void A_saved_optimiser_goes_on_exactly()
    {
        var (whole, first) = (new Values([1, 2]), new Values([1, 2]));
        var (a, b) = (new AdamW(whole), new AdamW(first));
        for (var t = 0; t < 5; t++)
        {
            Step(whole, a, t);
            Step(first, b, t);
        }
        using var state = new MemoryStream();
        b.Save(state);
        state.Position = 0;
        var second = new Values(first.Tensors[0].Values);
        var resumed = new AdamW(second);
        resumed.Load(state);
        for (var t = 5; t < 10; t++)
        {
            Step(whole, a, t);
            Step(second, resumed, t);
        }
        Assert.Equal(whole.Tensors[0].Values, second.Tensors[0].Values);
        state.Position = 0;
        Assert.Contains("3", Assert.Throws<TrainingException>(() => new AdamW(new Values([1, 2, 3])).Load(state)).Message);

        static void Step(Values values, AdamW optimiser, int t)
        {
            values.Tensors[0].Gradient[0] = MathF.Sin(t + 1);
            values.Tensors[0].Gradient[1] = MathF.Cos(3 * t);
            optimiser.Step(0.1, 1);
        }
    }

    [Theory]
    [InlineData(0, 0.1)]
    [InlineData(9, 1)]
    [InlineData(10, 1)]
    [InlineData(60, 0.55)]
    [InlineData(110, 0.1)]
    public void The_rate_warms_up_and_falls_by_a_cosine(long step, double expected) =>
        Assert.Equal(expected, new LearningRate(1, 110, 10, 0.1).At(step), 1e-12);

    private sealed class Values(float[] values, int rows = 1) : TrainableParameters
    {
        public override IReadOnlyList<ParameterTensor> Tensors { get; } = [new ParameterTensor("values", [.. values], new float[values.Length], rows, values.Length / rows)];
    }
}
