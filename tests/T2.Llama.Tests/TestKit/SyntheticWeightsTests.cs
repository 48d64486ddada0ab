using System.Runtime.InteropServices;
using T2.Gguf;
using T2.TestKit;

namespace T2.Llama.Tests.TestKit;

public sealed class SyntheticWeightsTests
{
    [Fact]
    public void A_spec_gives_the_same_bytes_each_time()
    {
        using var folder = new TempFolder();
        var (first, second) = (folder.File("first.gguf"), folder.File("second.gguf"));
        SyntheticModel.Write(first, SyntheticModelSpec.TinyQwen2.WithType("q4_k_m"));
        SyntheticModel.Write(second, SyntheticModelSpec.TinyQwen2.WithType("q4_k_m"));

        Assert.True(File.ReadAllBytes(first).AsSpan().SequenceEqual(File.ReadAllBytes(second)));
    }

    /// <summary>Pins the generator: published measurements name a preset, and must mean the same weights on any machine and in any later version.</summary>
    [Fact]
    public void The_weights_of_a_preset_never_change()
    {
        using var folder = new TempFolder();
        using var model = Write(folder, SyntheticModelSpec.Tiny256);

        Assert.Equal("xxh128:6982bbb2ada9618c2b195610623b4abc", WeightFingerprint.Compute(model));
    }

    [Fact]
    public void Another_seed_gives_other_weights()
    {
        using var folder = new TempFolder();
        using var one = Write(folder, SyntheticModelSpec.Tiny256);
        using var other = Write(folder, SyntheticModelSpec.Tiny256 with { Seed = 2 });

        Assert.NotEqual(WeightFingerprint.Compute(one), WeightFingerprint.Compute(other));
    }

    [Fact]
    public void Weights_have_the_spread_of_their_inputs_and_norms_lie_around_one()
    {
        using var folder = new TempFolder();
        using var model = Write(folder, SyntheticModelSpec.Tiny256);

        var down = Values(model, "blk.1.ffn_down.weight");
        var norm = Values(model, "blk.1.ffn_norm.weight");

        // The directions that give the spectrum its head add to the plain deviation of 1/√512.
        Assert.InRange(Deviation(down) * Math.Sqrt(512), 1.0, 1.5);
        Assert.InRange(down.ToArray().Average(), -0.01, 0.01);
        Assert.InRange(norm.ToArray().Average(), 0.95, 1.05);
    }

    [Fact]
    public void The_spectrum_has_a_head()
    {
        using var folder = new TempFolder();
        using var model = Write(folder, SyntheticModelSpec.Tiny256);
        var weights = Values(model, "blk.0.attn_q.weight").ToArray();

        // Independent values of this shape and spread would end at (√256 + √256)/√256 = 2.
        Assert.InRange(LargestSingularValue(weights, 256, 256), 5, 12);
    }

    [Fact]
    public void Matrices_are_unlike_each_other()
    {
        using var folder = new TempFolder();
        using var model = Write(folder, SyntheticModelSpec.Tiny256);
        var first = Values(model, "blk.0.attn_q.weight");
        var second = Values(model, "blk.1.attn_q.weight");

        var product = 0.0;
        for (var i = 0; i < first.Length; i++)
            product += first[i] * second[i];

        Assert.InRange(product / (first.Length * Deviation(first) * Deviation(second)), -0.05, 0.05);
    }

    [Fact]
    public void Rows_of_a_matrix_are_unlike_each_other_at_every_shift()
    {
        using var folder = new TempFolder();
        using var model = Write(folder, SyntheticModelSpec.Tiny256);
        var weights = Values(model, "blk.0.ffn_up.weight");
        var seen = new HashSet<(float, float)>();
        var repeats = 0;
        for (var i = 0; i + 1 < weights.Length; i++)
        {
            if (!seen.Add((weights[i], weights[i + 1])))
                repeats++;
        }

        Assert.Equal(0, repeats);
    }

    [Fact]
    public void Q4_K_M_gives_each_matrix_the_type_that_llama_cpp_gives_it()
    {
        // llama-quantize of the pinned build, on the F32 file of this preset: Q6_K here, Q4_K on every other matrix whose rows divide.
        int[] layersWithMoreBits = [0, 1, 2, 5, 8, 11, 14, 17, 20, 21, 22, 23];
        var typeOf = WeightTypes.Q4_K_M(layers: 24, tied: true);

        for (var layer = 0; layer < 24; layer++)
        {
            var more = layersWithMoreBits.Contains(layer) ? TensorType.Q6_K : TensorType.Q4_K;
            Assert.Equal(more, typeOf($"blk.{layer}.attn_v.weight"));
            Assert.Equal(more, typeOf($"blk.{layer}.attn_qkv.weight"));
            Assert.Equal(more, typeOf($"blk.{layer}.ffn_down.weight"));
            Assert.Equal(TensorType.Q4_K, typeOf($"blk.{layer}.attn_q.weight"));
            Assert.Equal(TensorType.Q4_K, typeOf($"blk.{layer}.ffn_up.weight"));
        }
        Assert.Equal(TensorType.Q6_K, typeOf("token_embd.weight"));
        Assert.Equal(TensorType.Q4_K, WeightTypes.Q4_K_M(layers: 24, tied: false)("token_embd.weight"));
    }

    [Theory]
    [InlineData(TensorType.Q4_K, 4864, TensorType.Q4_K)]
    [InlineData(TensorType.Q4_K, 896, TensorType.Q5_0)]
    [InlineData(TensorType.Q6_K, 896, TensorType.Q8_0)]
    [InlineData(TensorType.Q2_K, 896, TensorType.Q4_0)]
    [InlineData(TensorType.Q8_0, 172, TensorType.F16)]
    [InlineData(TensorType.Q5_K, 172, TensorType.F16)]
    public void Rows_that_do_not_divide_fall_back_as_in_llama_cpp(TensorType wanted, int rowLength, TensorType written)
    {
        Assert.Equal(written, WeightTypes.Fit(wanted, rowLength));
    }

    [Fact]
    public void A_type_that_needs_an_importance_matrix_is_refused_by_name()
    {
        var exception = Assert.Throws<ArgumentException>(() => SyntheticModelSpec.Tiny256.WithType("iq2_xxs"));

        Assert.Contains("'iq2_xxs'", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_impossible_shape_is_refused_before_anything_is_written()
    {
        using var folder = new TempFolder();

        var exception = Assert.Throws<ArgumentException>(() => SyntheticModel.Write(folder.File("model.gguf"), SyntheticModelSpec.Tiny256 with { KvHeads = 3 }));

        Assert.Contains("4 heads", exception.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(folder.Path));
    }

    private static GgufFile Write(TempFolder folder, SyntheticModelSpec spec)
    {
        var path = folder.File($"{spec.Name}-{spec.Seed}.gguf");
        SyntheticModel.Write(path, spec);
        return GgufFile.Open(path);
    }

    private static ReadOnlySpan<float> Values(GgufFile model, string name)
    {
        Assert.True(model.TryGetTensor(name, out var tensor));
        return MemoryMarshal.Cast<byte, float>(model.GetData(tensor));
    }

    private static double Deviation(ReadOnlySpan<float> values)
    {
        var sum = 0.0;
        foreach (var value in values)
            sum += (double)value * value;
        return Math.Sqrt(sum / values.Length);
    }

    /// <summary>By power iteration on WᵀW.</summary>
    private static double LargestSingularValue(float[] weights, int rows, int columns)
    {
        var vector = Enumerable.Range(0, columns).Select(static i => 1.0 + i % 3).ToArray();
        var norm = 0.0;
        for (var step = 0; step < 30; step++)
        {
            var next = new double[columns];
            for (var row = 0; row < rows; row++)
            {
                var dot = 0.0;
                for (var column = 0; column < columns; column++)
                    dot += weights[row * columns + column] * vector[column];
                for (var column = 0; column < columns; column++)
                    next[column] += dot * weights[row * columns + column];
            }
            norm = Math.Sqrt(next.Sum(static x => x * x));
            vector = [.. next.Select(x => x / norm)];
        }
        return Math.Sqrt(norm);
    }
}
