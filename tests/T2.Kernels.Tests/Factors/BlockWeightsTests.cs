using T2.Gguf;

namespace T2.Kernels.Tests;

public class BlockWeightsTests
{
    [Theory]
    [InlineData("blk.0.attn_q.weight")]
    [InlineData("blk.11.attn_k.weight")]
    [InlineData("blk.3.attn_v.weight")]
    [InlineData("blk.3.attn_output.weight")]
    [InlineData("blk.3.attn_qkv.weight")]
    [InlineData("blk.3.ffn_gate.weight")]
    [InlineData("blk.3.ffn_up.weight")]
    [InlineData("blk.127.ffn_down.weight")]
    public void Linear_weights_of_blocks_are_adaptable(string name)
    {
        Assert.True(BlockWeights.Classify(Tensor(name, TensorType.Q4_K, 512, 64)).IsAdaptable);
        Assert.Equal(new MatrixShape(64, 512), BlockWeights.ShapeOf(Tensor(name, TensorType.Q4_K, 512, 64)));
    }

    [Theory]
    [InlineData("token_embd.weight", "embedding")]
    [InlineData("output.weight", "output head")]
    [InlineData("output_norm.weight", "norm")]
    [InlineData("blk.0.attn_norm.weight", "norm")]
    [InlineData("blk.0.attn_q_norm.weight", "norm")]
    [InlineData("blk.0.attn_q.bias", "bias")]
    [InlineData("blk.0.ffn_gate_exps.weight", "expert tensor of 2 dimensions")]
    [InlineData("blk.0.ffn_gate_inp.weight", "router")]
    [InlineData("rope_freqs.weight", "not a linear weight")]
    [InlineData("enc.blk.0.attn_q.weight", "not a linear weight")]
    [InlineData("blk.x.attn_q.weight", "not a linear weight")]
    [InlineData("blk.0.attn_q.weight\n", "not a linear weight")]
    [InlineData("blk.0.ssm_in.weight", "not a linear weight")]
    public void Other_tensors_are_not_and_the_reason_is_given(string name, string reason)
    {
        var role = BlockWeights.Classify(Tensor(name, TensorType.F16, 64, 64));
        Assert.False(role.IsAdaptable);
        Assert.Contains(reason, role.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void A_linear_weight_may_still_have_the_wrong_type_or_shape()
    {
        Refused("IQ4_XS cannot be requantised", Tensor("blk.0.attn_q.weight", TensorType.IQ4_XS, 256, 64));
        Refused("3 dimensions", Tensor("blk.0.ffn_up.weight", TensorType.F16, 64, 64, 8));
        Refused("1 dimensions", Tensor("blk.0.ffn_up.weight", TensorType.F16, 64));
        Refused("too large", Tensor("blk.0.ffn_up.weight", TensorType.F16, 23_169, 23_169));
    }

    [Fact]
    public void The_list_is_in_file_order_and_holds_nothing_else()
    {
        using var model = new TinyModel();
        Assert.Equal(
            ["blk.0.attn_q.weight", "blk.0.attn_k.weight", "blk.0.ffn_gate.weight", "blk.0.ffn_down.weight",
                "blk.1.attn_q.weight", "blk.1.attn_k.weight", "blk.1.ffn_gate.weight", "blk.1.ffn_down.weight"],
            BlockWeights.List(model.File).Select(static tensor => tensor.Name));
    }

    private static void Refused(string reason, GgufTensor tensor)
    {
        var role = BlockWeights.Classify(tensor);
        Assert.False(role.IsAdaptable);
        Assert.Contains(reason, role.Reason, StringComparison.Ordinal);
        var error = Assert.Throws<ArgumentException>(() => BlockWeights.ShapeOf(tensor));
        Assert.Contains(tensor.Name, error.Message, StringComparison.Ordinal);
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
    }

    private static GgufTensor Tensor(string name, TensorType type, params long[] dimensions) => new(name, type, dimensions, 0, 0);
}
