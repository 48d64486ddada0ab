using T2.Gguf.Experts;
using T2.TestKit;

namespace T2.Gguf.Tests.Experts;

public sealed class ReferenceExpertTests : IDisposable
{
    private const string Fingerprint = "xxh128:00000000000000000000000000000000";

    private static readonly double[] s_sigma = [9, 5, 3, 2, 1, 0.5];

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("model.layers.0.mlp.gate_proj.weight", "blk.0.ffn_gate.weight")]
    [InlineData("model.layers.31.mlp.up_proj.weight", "blk.31.ffn_up.weight")]
    [InlineData("model.layers.7.mlp.down_proj.weight", "blk.7.ffn_down.weight")]
    [InlineData("model.layers.1.self_attn.q_proj.weight", "blk.1.attn_q.weight")]
    [InlineData("model.layers.1.self_attn.k_proj.weight", "blk.1.attn_k.weight")]
    [InlineData("model.layers.1.self_attn.v_proj.weight", "blk.1.attn_v.weight")]
    [InlineData("model.layers.10.self_attn.o_proj.weight", "blk.10.attn_output.weight")]
    [InlineData("model.layers.1.mlp.gate_proj.bias", null)]
    [InlineData("model.layers.01.mlp.gate_proj.weight", null)]
    [InlineData("model.layers.1.mlp.q_proj.weight", null)]
    [InlineData("model.layers.1.self_attn.up_proj.weight", null)]
    [InlineData("model.layers.1.mlp.gate_proj.weight\n", null)]
    [InlineData("model.embed_tokens.weight", null)]
    [InlineData("lm_head.weight", null)]
    public void Names_are_translated(string huggingFace, string? gguf) => Assert.Equal(gguf, ReferenceExpert.ToGgufName(huggingFace));

    [Theory]
    [InlineData("learnable_params.pt")]
    [InlineData("policy_params.pt")]
    public void Both_layouts_saved_by_PyTorch_name_the_same_logits(string file)
    {
        var matched = ReferenceExpert.MatchWeights(TorchCheckpoint.Load(Fixtures.Path(file)));

        Assert.Equal(
            ["blk.0.ffn_gate.weight", "blk.0.ffn_up.weight", "blk.0.ffn_down.weight", "blk.1.ffn_gate.weight", "blk.1.ffn_up.weight", "blk.1.ffn_down.weight"],
            matched.Select(pair => pair.Weight));
        Assert.Equal(Expected("logits"), matched.Select(pair => pair.Logits.Values.ToArray()));
        Assert.All(matched, pair => Assert.Equal(TensorType.BF16, pair.Logits.Type));
    }

    [Theory]
    [InlineData("mask", 1f, 1f, TensorType.BF16)]
    [InlineData("mask_max_mult_1.5", 1.5f, 1f, TensorType.BF16)]
    [InlineData("mask_of_f32_times_3", 1f, 3f, TensorType.F32)]
    public void The_mask_is_PyTorchs_to_the_bit_and_the_nuclear_norm_is_kept(string expectation, float maxMult, float factor, TensorType type)
    {
        foreach (var (logits, mask) in Expected("logits").Zip(Expected(expectation)))
        {
            var z = ReferenceExpert.EffectiveVector(Array.ConvertAll(logits, p => p * factor), type, s_sigma, maxMult);

            var scale = s_sigma.Sum() / s_sigma.Zip(mask, (sigma, m) => sigma * m).Sum();
            Assert.Equal(mask.Select(m => (float)(m * scale)), z);
            Assert.Equal(s_sigma.Sum(), s_sigma.Zip(z, (sigma, value) => sigma * value).Sum(), 5);
        }
    }

    [Fact]
    public void Half_logits_round_their_sigmoid_to_half_first()
    {
        // Half keeps three bits more than bf16, so for some logits rounding twice lands on the other neighbour.
        var differing = Enumerable.Range(-4000, 8000).Select(i => (float)(Half)(i / 1000f)).First(p =>
            ReferenceExpert.EffectiveVector([p, 0], TensorType.F16, [1, 1])[0] != ReferenceExpert.EffectiveVector([p, 0], TensorType.F32, [1, 1])[0]);
        var twice = BFloat16((float)(Half)(float)(1 / (1 + Math.Exp(-differing))));
        Assert.Equal((float)(twice * (2 / (twice + 0.5))), ReferenceExpert.EffectiveVector([differing, 0], TensorType.F16, [1, 1])[0]);
    }

    [Fact]
    public void Equal_logits_give_exactly_the_base()
    {
        Assert.Equal([1f, 1f, 1f], ReferenceExpert.EffectiveVector([0, 0, 0], TensorType.BF16, [4, 2, 1]));
    }

    [Fact]
    public void A_converted_expert_can_be_saved_and_loaded()
    {
        var asked = new List<string>();
        var expert = ReferenceExpert.Convert(TorchCheckpoint.Load(Fixtures.Path("policy_params.pt")), "math", "llama", Fingerprint, weight =>
        {
            asked.Add(weight);
            return s_sigma;
        });
        var path = _folder.File("math.gguf");
        expert.Save(path);

        var loaded = Expert.Load(path);

        Assert.Equal(6, loaded.Vectors.Count);
        Assert.Equal(asked, loaded.Vectors.Keys);
        Assert.Equal("policy_params.pt", loaded.Extra["t2.svf.source"]);
        Assert.Equal(
            ReferenceExpert.EffectiveVector(Expected("logits")[4], TensorType.BF16, s_sigma),
            loaded.Vectors["blk.1.ffn_up.weight"].ToArray());
    }

    [Fact]
    public void An_order_of_weights_can_be_given_for_the_list()
    {
        var path = TorchFile.Floats(("learnable_params_module_list.0", [1]), ("learnable_params_module_list.1", [2])).Save(_folder.File("list.pt"));
        var checkpoint = TorchCheckpoint.Load(path);

        var matched = ReferenceExpert.MatchWeights(checkpoint, ["model.layers.0.mlp.down_proj.weight", "model.layers.0.self_attn.q_proj.weight"]);

        Assert.Equal(["blk.0.ffn_down.weight", "blk.0.attn_q.weight"], matched.Select(pair => pair.Weight));
        Assert.Contains("three entries", Assert.Throws<GgufException>(() => ReferenceExpert.MatchWeights(checkpoint)).Message, StringComparison.Ordinal);
        Assert.Contains("beyond the 1 weights", Assert.Throws<GgufException>(() => ReferenceExpert.MatchWeights(checkpoint, ["model.layers.0.mlp.up_proj.weight"])).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("model.embed_tokens.weight", new float[] { 1, 2 }, "\"model.embed_tokens.weight\" is not a weight")]
    [InlineData("learnable_params_module_list.x", new float[] { 1, 2 }, "does not end in a number")]
    [InlineData("model.layers.0.mlp.up_proj.weight", new float[] { 1, 2, 3 }, "has 3 logits, but blk.0.ffn_up.weight has 2")]
    [InlineData("model.layers.0.mlp.up_proj.weight", new float[] { 1, float.NaN }, "Logit 1 is NaN")]
    [InlineData("model.layers.0.mlp.up_proj.weight", new float[] { 1, float.NegativeInfinity }, "Logit 1 is -∞")]
    [InlineData("model.layers.0.mlp.up_proj.weight", new float[] { -1000, -1000 }, "sum to 0")]
    public void Checkpoints_that_do_not_fit_are_refused(string name, float[] logits, string fragment)
    {
        var names = name.Contains("list", StringComparison.Ordinal) ? new[] { name, "learnable_params_module_list.1", "learnable_params_module_list.2" } : [name];
        var path = TorchFile.Floats([.. names.Select(each => (each, logits))]).Save(_folder.File("bad.pt"));
        var checkpoint = TorchCheckpoint.Load(path);

        var error = Assert.Throws<GgufException>(() => ReferenceExpert.Convert(checkpoint, "x", "llama", Fingerprint, _ => new double[] { 2, 1 }));

        Assert.Contains(fragment.Replace("-∞", float.NegativeInfinity.ToString(System.Globalization.CultureInfo.InvariantCulture), StringComparison.Ordinal), error.Message, StringComparison.Ordinal);
        Assert.Contains(path, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_empty_checkpoint_and_a_matrix_of_logits_are_refused()
    {
        var empty = TorchCheckpoint.Load(new TorchFile().Proto().Op('}').Op('.').Save(_folder.File("empty.pt")));
        Assert.Contains("empty", Assert.Throws<GgufException>(() => ReferenceExpert.MatchWeights(empty)).Message, StringComparison.Ordinal);

        var matrix = TorchCheckpoint.Load(new TorchFile().Proto().Op('}').Text("model.layers.0.mlp.up_proj.weight")
            .Tensor("0", "FloatStorage", 4, 0, [2, 2], [2, 1]).Op('s').Op('.').Entry("data/0", new byte[16]).Save(_folder.File("matrix.pt")));
        Assert.Contains("has 2 dimensions", Assert.Throws<GgufException>(() => ReferenceExpert.MatchWeights(matrix)).Message, StringComparison.Ordinal);
    }

    private static float[][] Expected(string property) =>
        [.. Fixtures.Expected.GetProperty(property).EnumerateObject().Select(weight => weight.Value.EnumerateArray().Select(number => number.GetSingle()).ToArray())];

    // A second way to round: to the nearest of the two neighbours, by distance.
    private static float BFloat16(float value)
    {
        var below = BitConverter.UInt32BitsToSingle(BitConverter.SingleToUInt32Bits(value) & 0xFFFF0000);
        var above = BitConverter.UInt32BitsToSingle((BitConverter.SingleToUInt32Bits(value) & 0xFFFF0000) + 0x10000);
        var isEven = (BitConverter.SingleToUInt32Bits(value) & 0x10000) == 0;
        return value - below < above - value || (value - below == above - value && isEven) ? below : above;
    }
}
