using System.Runtime.InteropServices;
using System.Text.Json;
using T2.Gguf;
using T2.Gguf.Experts;
using T2.Kernels;
using T2.Runtime.Search;
using T2.TestKit;

namespace T2.Runtime.Tests.Parity;

/// <summary>T2 against the reference's equations, computed in fp64 by <c>tests/golden/make.py</c>, within 1e-6.</summary>
public sealed class ReferenceParityTests
{
    private const double Bound = 1e-6;
    private static readonly JsonElement s_golden = JsonDocument.Parse(File.ReadAllText(Path.Combine(RepositoryRoot.Path, "tests", "golden", "reference.json"))).RootElement;

    public static TheoryData<string> Kernels => [.. KernelRegistry.Entries.Where(static entry => entry.IsAvailable()).Select(static entry => entry.Name)];

    [Fact]
    public void The_effective_vector_of_logits_is_the_references()
    {
        foreach (var golden in Cases("rebuild"))
            AssertClose(Numbers(golden, "effective"), Effective(golden, Numbers(golden, "logits")));
    }

    [Theory]
    [MemberData(nameof(Kernels))]
    public void A_weight_is_rebuilt_as_the_reference_recomposes_it(string name)
    {
        var kernel = KernelRegistry.Resolve(name);
        foreach (var golden in Cases("rebuild"))
        {
            var shape = new MatrixShape(golden.GetProperty("rows").GetInt32(), golden.GetProperty("columns").GetInt32());
            float[] weight = Array.ConvertAll(Numbers(golden, "weight"), static value => (float)value);
            double[] singularValues = new double[shape.Rank];
            float[] basis = new float[shape.Rank * shape.Rank], rebuilt = new float[weight.Length];
            kernel.Factorize(weight, shape, singularValues, basis, 1, CancellationToken.None);
            AssertClose(Numbers(golden, "singular_values"), singularValues);

            float[] z = ReferenceExpert.EffectiveVector(
                Array.ConvertAll(Numbers(golden, "logits"), static value => (float)value), TensorType.BF16, singularValues, golden.GetProperty("max_mult").GetSingle());
            kernel.Rebuild(
                new RebuildJob
                {
                    Source = MemoryMarshal.AsBytes<float>(weight),
                    SourceType = TensorType.F32,
                    Shape = shape,
                    Basis = basis,
                    Z = z,
                    Destination = MemoryMarshal.AsBytes(rebuilt.AsSpan()),
                    DestinationType = TensorType.F32,
                },
                1,
                CancellationToken.None);
            AssertClose(Numbers(golden, "rebuilt"), Array.ConvertAll(rebuilt, static value => (double)value));
        }
    }

    [Fact]
    public void A_normalised_mixture_is_the_papers_sum()
    {
        foreach (var golden in Cases("mixture"))
        {
            Expert[] experts = [.. golden.GetProperty("logits").EnumerateArray().Select((logits, index) =>
                new Expert($"expert {index}", "llama", "f", [new("w", Array.ConvertAll(Effective(golden, Numbers(logits)), static value => (float)value))]))];
            var mixed = new MixtureSpace(experts, perWeight: false, normalise: true).At(Numbers(golden, "shares"), "mixed")!;
            AssertClose(Numbers(golden, "mixed"), [.. mixed.Vectors["w"].ToArray().Select(static value => (double)value)]);
        }
    }

    [Fact]
    public void A_search_runs_as_the_references()
    {
        foreach (var golden in Cases("search"))
        {
            double[] target = Numbers(golden, "target");
            var search = new CrossEntropySearch(Numbers(golden, "start"), Numbers(golden, "start_deviation"), new()
            {
                Population = golden.GetProperty("population").GetInt32(),
                Elites = golden.GetProperty("elites").GetInt32(),
                Minimum = golden.GetProperty("minimum").GetDouble(),
                Maximum = golden.GetProperty("maximum").GetDouble(),
                Smoothing = golden.GetProperty("ema").GetDouble(),
                Seed = golden.GetProperty("seed").GetUInt64(),
            });
            foreach (var generation in golden.GetProperty("generations").EnumerateArray())
            {
                double[] fitness = [.. search.Ask().Select(point => -point.Zip(target, static (x, t) => (x - t) * (x - t)).Sum())];
                AssertClose(Numbers(generation, "fitness"), fitness);
                search.Tell(fitness);
                AssertClose(Numbers(generation, "best"), search.Best);
                AssertClose(Numbers(generation, "mean"), search.Mean);
                AssertClose(Numbers(generation, "deviation"), search.Deviation);
            }
        }
    }

    private static JsonElement.ArrayEnumerator Cases(string name) => s_golden.GetProperty(name).EnumerateArray();

    private static double[] Numbers(JsonElement element, string name) => Numbers(element.GetProperty(name));

    private static double[] Numbers(JsonElement element) => [.. element.EnumerateArray().Select(static number => number.GetDouble())];

    private static double[] Effective(JsonElement golden, double[] logits) => Array.ConvertAll(
        ReferenceExpert.EffectiveVector(
            Array.ConvertAll(logits, static value => (float)value), TensorType.BF16, Numbers(golden, "singular_values"),
            golden.TryGetProperty("max_mult", out var maxMult) ? maxMult.GetSingle() : 1),
        static value => (double)value);

    /// <summary>Within the bound, relative to the largest of the numbers where that is above 1.</summary>
    private static void AssertClose(double[] expected, double[] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        double bound = Bound * Math.Max(1, expected.Max(Math.Abs));
        for (int index = 0; index < expected.Length; index++)
            Assert.True(Math.Abs(expected[index] - actual[index]) <= bound, $"Value {index} is {actual[index]:R}, not {expected[index]:R}.");
    }
}
