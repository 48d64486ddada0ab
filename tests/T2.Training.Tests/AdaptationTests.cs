using System.Runtime.InteropServices;
using T2.Kernels;

namespace T2.Training.Tests;

/// <summary>z and LoRA on a frozen model: gradients against central differences in fp64, KL, and that nothing frozen is ever written.</summary>
public sealed class AdaptationTests
{
    public static TheoryData<string, float> Cases
    {
        get
        {
            var data = new TheoryData<string, float>();
            foreach (var name in (string[])["llama", "qwen2-untied"])
            {
                data.Add(name, 0);
                data.Add(name, 0.7f);
            }
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Gradients_of_z_agree_with_central_differences(string name, float kl)
    {
        var model = TinyModels.Create(TinyModels.Named(name));
        var svf = new SvfParameters(model, Factors(model), model.AdaptableWeights);
        Shift(svf, 1, 0.2f);
        Check(model, svf, kl, (oracle, tensor) => Recompose(oracle, model, tensor));
    }

    [Fact]
    public void Answers_of_no_weight_have_the_gradient_of_their_KL_alone()
    {
        var model = TinyModels.Create(TinyModels.Llama);
        var svf = new SvfParameters(model, Factors(model), model.AdaptableWeights);
        Shift(svf, 1, 0.2f);
        WeightedAnswer[] answers = [new([3, 1, 4], [1, 5], 0), new([9], [2, 6, 5], 0)];
        // The same by hand: what is read, and at which positions an answer's token is to come.
        var batch = new PackedBatch([3, 1, 4, 1, 9, 2, 6], [0, 4, 7], [-1, -1, 1, 5, 2, 6, 5], new float[7]);
        Check(model, svf, 0.7f, (oracle, tensor) => Recompose(oracle, model, tensor), batch, engine =>
        {
            var loss = AnswerLoss.Accumulate(engine, answers, 0.7, CancellationToken.None);
            Assert.Equal((5, loss.Kl / 5), (loss.Tokens, loss.MeanKl));
            return (loss.Loss, loss.Kl);
        });
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Gradients_of_LoRA_agree_with_central_differences(string name, float kl)
    {
        var model = TinyModels.Create(TinyModels.Named(name));
        var lora = new LoraParameters(model, [.. model.AdaptableWeights.Where(static weight => weight.Contains("attn_q") || weight.Contains("ffn_down"))], 3, 6, 9);
        Shift(lora, 0, 0.2f);
        Check(model, lora, kl, (oracle, tensor) =>
        {
            var weight = tensor.Name[..^".lora_a".Length];
            var (a, b) = (lora.Tensors.Single(t => t.Name == weight + ".lora_a"), lora.Tensors.Single(t => t.Name == weight + ".lora_b"));
            var effective = Array.ConvertAll(model[weight].Values, static value => (double)value);
            for (var i = 0; i < b.Rows; i++)
            {
                for (var j = 0; j < a.Columns; j++)
                {
                    for (var k = 0; k < 3; k++)
                        effective[i * a.Columns + j] += 2.0 * b.Values[i * 3 + k] * a.Values[k * a.Columns + j];
                }
            }
            oracle.Weights[weight] = effective;
        });
    }

    [Fact]
    public void Z_of_ones_is_the_base_to_the_bit_and_has_no_KL()
    {
        var model = TinyModels.Create(TinyModels.Qwen2);
        var batch = TinyModels.Batch(model.Shape, 1, 20, 9);
        var svf = new SvfParameters(model, Factors(model), model.AdaptableWeights);
        using var plain = new TrainingEngine(model, null, 1);
        using var engine = new TrainingEngine(model, svf, 1);
        Assert.Equal(plain.Logits(batch), engine.Logits(batch));
        Assert.Equal(0, engine.Accumulate(batch, 1).Kl, 1e-6);
    }

    [Fact]
    public void Training_lowers_the_loss_and_writes_nothing_that_is_frozen()
    {
        var model = TinyModels.Create(TinyModels.Qwen2);
        var batch = PackedBatch.NextToken([new TrainingDocument([1, 2, 3, 4, 5, 6, 7]), new TrainingDocument([9, 8, 7, 6])]);
        var svf = new SvfParameters(model, Factors(model), model.AdaptableWeights);
        var lora = new LoraParameters(model, model.AdaptableWeights, 4, 8, 1);
        var before = model.Tensors.Select(static tensor => MemoryMarshal.AsBytes<float>(tensor.Values).ToArray()).ToList();
        foreach (var (parameters, rate) in (ReadOnlySpan<(ModelParameters, double)>)[(svf, 0.05), (lora, 0.01)])
        {
            using var engine = new TrainingEngine(model, parameters, 2);
            var optimiser = new AdamW(parameters);
            var first = engine.Evaluate(batch).Loss;
            for (var step = 0; step < 30; step++)
            {
                parameters.ZeroGradient();
                engine.Accumulate(batch, 0.01f);
                optimiser.Step(rate, 1);
            }
            Assert.True(engine.Evaluate(batch).Loss < 0.6 * first, $"{first} to {engine.Evaluate(batch).Loss}");
        }
        foreach (var (tensor, bytes) in model.Tensors.Zip(before))
            Assert.True(bytes.AsSpan().SequenceEqual(MemoryMarshal.AsBytes<float>(tensor.Values)), $"{tensor.Name} was written");
    }

    [Fact]
    public void An_expert_is_the_present_z_by_weight_name()
    {
        var model = TinyModels.Create(TinyModels.Llama);
        var svf = new SvfParameters(model, Factors(model), model.AdaptableWeights);
        Shift(svf, 1, 0.1f);
        var expert = svf.ToExpert("math", "xxh128:0", task: "arithmetic");
        Assert.Equal(model.AdaptableWeights, expert.Vectors.Keys);
        foreach (var tensor in svf.Tensors)
            Assert.Equal(tensor.Values, expert.Vectors[tensor.Name].ToArray());
        Assert.Contains("fingerprint", Assert.Throws<ArgumentException>(() => svf.ToExpert("math")).Message);
    }

    [Fact]
    public void Values_that_have_blown_up_end_in_one_clear_exception_and_change_nothing()
    {
        var model = TinyModels.Create(TinyModels.Llama);
        var batch = TinyModels.Batch(model.Shape, 1, 20);
        var svf = new SvfParameters(model, Factors(model), model.AdaptableWeights);
        using var engine = new TrainingEngine(model, svf, 1);
        svf.Tensors[3].Values[0] = float.NaN;
        Assert.Contains("NaN", Assert.Throws<TrainingException>(() => engine.Accumulate(batch)).Message);
        Assert.All(svf.Tensors, static tensor => Assert.All(tensor.Gradient, static g => Assert.Equal(0, g)));

        svf.Tensors[3].Values[0] = 1;
        svf.Tensors[2].Gradient[1] = float.PositiveInfinity;
        var optimiser = new AdamW(svf);
        Assert.Contains(svf.Tensors[2].Name, Assert.Throws<TrainingException>(() => optimiser.Step(0.1)).Message);
        Assert.Equal(0, optimiser.StepCount);
        Assert.All(svf.Tensors, static tensor => Assert.All(tensor.Values, static value => Assert.Equal(1, value)));
    }

    [Fact]
    public void Weights_batches_and_coefficients_that_do_not_fit_are_refused()
    {
        var model = TinyModels.Create(TinyModels.Llama);
        Assert.Contains("token_embd", Assert.Throws<ArgumentException>(() => new LoraParameters(model, ["token_embd.weight"], 1, 1, 1)).Message);
        Assert.Contains("blk.0.attn_q.weight", Assert.Throws<ArgumentException>(() => new SvfParameters(model, static _ => null, ["blk.0.attn_q.weight"])).Message);
        Assert.Contains("another model", Assert.Throws<ArgumentException>(() => new TrainingEngine(TinyModels.Create(TinyModels.Llama), new FullParameters(model), 1)).Message);
        using var engine = new TrainingEngine(model, new FullParameters(model), 1);
        Assert.Contains("KL", Assert.Throws<ArgumentException>(() => engine.Accumulate(TinyModels.Batch(model.Shape, 1, 5), 0.1f)).Message);
        Assert.Contains("29", Assert.Throws<ArgumentException>(() => engine.Accumulate(new PackedBatch([1, 29], [0, 2], [1, 1], [1, 1]))).Message);
        Assert.Contains("64", Assert.Throws<ArgumentException>(() => engine.Evaluate(TinyModels.Batch(model.Shape, 1, 65))).Message);
        Assert.Contains("no target", Assert.Throws<ArgumentException>(() => engine.Evaluate(new PackedBatch([1, 2], [0, 2], [-1, -1], [0, 0]))).Message);
        Assert.Contains("empty", Assert.Throws<ArgumentException>(() => new PackedBatch([1, 2], [0, 0, 2], [1, 1], [1, 1])).Message);
    }

    /// <summary>The engine's gradients against central differences of the reference, whose W' <paramref name="compose"/> makes in fp64.</summary>
    private static void Check(TrainingModel model, ModelParameters parameters, float kl, Action<Oracle, ParameterTensor> compose)
    {
        var batch = TinyModels.Batch(model.Shape, 3, 6, 1, 5);
        Check(model, parameters, kl, compose, batch, engine => engine.Accumulate(batch, kl) is var loss ? (loss.Loss, loss.Kl) : default);
    }

    private static void Check(
        TrainingModel model, ModelParameters parameters, float kl, Action<Oracle, ParameterTensor> compose, PackedBatch batch, Func<TrainingEngine, (double Loss, double Kl)> accumulate)
    {
        var oracle = new Oracle(model);
        var baseLogits = kl > 0 ? oracle.BaseLogits(batch) : null;
        foreach (var tensor in parameters.Tensors)
            compose(oracle, tensor);
        using var engine = new TrainingEngine(model, parameters, 2);
        var loss = accumulate(engine);
        Assert.Equal(oracle.Loss(batch, kl, baseLogits), loss.Loss + kl * loss.Kl, 1e-4);
        Assert.True(kl == 0 || loss.Kl > 0.01, $"KL {loss.Kl}");
        foreach (var tensor in parameters.Tensors)
        {
            var scale = tensor.Gradient.Max(MathF.Abs);
            Assert.True(scale > 1e-3, $"{tensor.Name} has no gradient to speak of");
            for (var i = 0; i < tensor.Values.Length; i += Math.Max(1, tensor.Values.Length / 4))
            {
                var (value, h) = (tensor.Values[i], 1f / 4096);
                tensor.Values[i] = value + h;
                compose(oracle, tensor);
                var above = oracle.Loss(batch, kl, baseLogits);
                var width = (double)tensor.Values[i];
                tensor.Values[i] = value - h;
                compose(oracle, tensor);
                var below = oracle.Loss(batch, kl, baseLogits);
                width -= tensor.Values[i];
                tensor.Values[i] = value;
                compose(oracle, tensor);
                Assert.Equal((above - below) / width, tensor.Gradient[i], 1e-3 * scale);
            }
        }
    }

    private static void Recompose(Oracle oracle, TrainingModel model, ParameterTensor tensor) =>
        oracle.Weights[tensor.Name] = Recompose(model[tensor.Name], Factors(model)(tensor.Name)!, [.. tensor.Values.Select(static value => (double)value)]);

    private static double[] Recompose(ModelTensor weight, MatrixFactors factors, double[] z)
    {
        var (m, n, r) = (weight.Rows, weight.Columns, weight.Shape.Rank);
        var basis = factors.Basis.Span;
        var effective = Array.ConvertAll(weight.Values, static value => (double)value);
        for (var i = 0; i < r; i++)
        {
            // Kept are the right vectors or the left ones; the other side is W times them.
            var (left, right) = (new double[m], new double[n]);
            for (var row = 0; row < m; row++)
            {
                for (var column = 0; column < n; column++)
                {
                    if (weight.Shape.Side == FactorSide.Right)
                        left[row] += (double)weight.Values[row * n + column] * (right[column] = basis[i * n + column]);
                    else
                        right[column] += (double)weight.Values[row * n + column] * (left[row] = basis[i * m + row]);
                }
            }
            for (var row = 0; row < m; row++)
            {
                for (var column = 0; column < n; column++)
                    effective[row * n + column] += (z[i] - 1) * left[row] * right[column];
            }
        }
        return effective;
    }

    private static Func<string, MatrixFactors?> Factors(TrainingModel model) => name =>
    {
        var weight = model[name];
        var (sigma, basis) = (new double[weight.Shape.Rank], new float[weight.Shape.Rank * weight.Shape.Rank]);
        new ReferenceKernel().Factorize(weight.Values, weight.Shape, sigma, basis, 1, CancellationToken.None);
        return new MatrixFactors(weight.Shape, sigma, basis);
    };

    private static void Shift(TrainableParameters parameters, float center, float width)
    {
        var random = new Random(21);
        foreach (var tensor in parameters.Tensors)
        {
            for (var i = 0; i < tensor.Values.Length; i++)
                tensor.Values[i] = (center == 0 ? tensor.Values[i] : center) + (random.NextSingle() - 0.5f) * 2 * width;
        }
    }
}
