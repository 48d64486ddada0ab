using T2.Gguf.Experts;

namespace T2.Gguf.Tests.Experts;

public class ExpertMixTests
{
    private const string Fingerprint = "xxh128:0123456789abcdef0123456789abcdef";

    private static readonly Expert s_math = Make("math", ("up", [0.9f, 1.2f, 1f]), ("down", [2f, 1f]));
    private static readonly Expert s_code = Make("code", ("up", [1.1f, 0.4f, 1f]), ("gate", [0.5f]));

    [Fact]
    public void One_expert_at_full_weight_is_itself_to_the_bit()
    {
        var awkward = Make("awkward", ("w", [-0.0f, 1e-30f, float.Epsilon, 1.0000001f, 9999.999f, 0.1f]));

        var mixed = Expert.Mix([(awkward, 1f), (s_math, 0f)], "mix");

        Assert.Equal(["w"], mixed.Vectors.Keys);
        Assert.Equal(Bits(awkward.Vectors["w"]), Bits(mixed.Vectors["w"]));
    }

    [Fact]
    public void Weights_that_sum_to_one_give_the_weighted_sum()
    {
        var mixed = Expert.Mix([(s_math, 0.75f), (s_code, 0.25f)], "mix");

        Assert.Equal([(0.75f * 0.9f) + (0.25f * 1.1f), (0.75f * 1.2f) + (0.25f * 0.4f), 1f], mixed.Vectors["up"].ToArray(), new Near());
        // A vector the other expert lacks counts as ones there.
        Assert.Equal([1.75f, 1f], mixed.Vectors["down"].ToArray());
        Assert.Equal([0.875f], mixed.Vectors["gate"].ToArray());
        Assert.Equal(["up", "down", "gate"], mixed.Vectors.Keys);
    }

    [Theory]
    [InlineData(0.5f)]
    [InlineData(-0.5f)]
    [InlineData(1.5f)]
    public void The_rest_of_the_weight_is_the_bases(float weight)
    {
        var mixed = Expert.Mix([(s_math, weight)], "mix");
        Assert.Equal(s_math.Vectors["up"].ToArray().Select(z => 1 + (weight * (z - 1))), mixed.Vectors["up"].ToArray(), new Near());
    }

    [Fact]
    public void The_same_expert_twice_adds_its_weights()
    {
        var twice = Expert.Mix([(s_math, 0.25f), (s_math, 0.5f)], "mix");
        Assert.Equal(Expert.Mix([(s_math, 0.75f)], "mix").Vectors["up"].ToArray(), twice.Vectors["up"].ToArray());
    }

    [Fact]
    public void A_mixture_says_what_it_is_made_of()
    {
        var mixed = Expert.Mix([(s_math, 0.7f), (s_code, 0.3f)], "both");

        Assert.Equal("both", mixed.Name);
        Assert.Equal("math=0.7,code=0.3", mixed.Extra[Expert.MixKey]);
        Assert.Equal((s_math.Architecture, s_math.BaseFingerprint), (mixed.Architecture, mixed.BaseFingerprint));
    }

    [Fact]
    public void Experts_that_do_not_go_together_are_refused()
    {
        var otherArchitecture = new Expert("other", "qwen2", Fingerprint, s_math.Vectors);
        var otherBase = new Expert("other", "llama", "xxh128:ff", s_math.Vectors);
        var otherLength = Make("other", ("up", [1f, 2f]));

        Assert.Contains("different architectures", Refusal((s_math, 0.5f), (otherArchitecture, 0.5f)), StringComparison.Ordinal);
        Assert.Contains("different base weights", Refusal((s_math, 0.5f), (otherBase, 0.5f)), StringComparison.Ordinal);
        Assert.Contains("\"up\" has 3 values in expert \"math\" and 2 in \"other\"", Refusal((s_math, 0.5f), (otherLength, 0.5f)), StringComparison.Ordinal);
        Assert.Contains("not finite", Refusal((s_math, float.NaN)), StringComparison.Ordinal);
        Assert.Contains("All weights", Refusal((s_math, 0f)), StringComparison.Ordinal);
        Assert.Contains("at least one", Refusal(), StringComparison.Ordinal);
        // 1 + α(z − 1) = 0 everywhere for z = 2, α = −1.
        Assert.Contains("erase", Refusal((Make("twos", ("w", [2f, 2f])), -1f)), StringComparison.Ordinal);
        Assert.Contains("within ±", Refusal((s_math, 1e9f)), StringComparison.Ordinal);
    }

    private static string Refusal(params (Expert, float)[] parts) => Assert.ThrowsAny<ArgumentException>(() => Expert.Mix(parts, "mix")).Message;

    private static Expert Make(string name, params (string Weight, float[] Z)[] vectors) =>
        new(name, "llama", Fingerprint, vectors.Select(vector => KeyValuePair.Create<string, ReadOnlyMemory<float>>(vector.Weight, vector.Z)));

    private static int[] Bits(ReadOnlyMemory<float> values) => [.. values.ToArray().Select(BitConverter.SingleToInt32Bits)];

    private sealed class Near : IEqualityComparer<float>
    {
        public bool Equals(float x, float y) => Math.Abs(x - y) <= 2e-7f * Math.Max(1, Math.Abs(x));

        public int GetHashCode(float value) => 0;
    }
}
