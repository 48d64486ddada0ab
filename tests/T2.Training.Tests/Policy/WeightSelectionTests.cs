namespace T2.Training.Tests;

public sealed class WeightSelectionTests
{
    private static readonly string[] Model =
    [
        .. from layer in Enumerable.Range(0, 12)
           from weight in new[] { "attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down" }
           select $"blk.{layer}.{weight}.weight",
    ];

    [Theory]
    [InlineData("mlp", 36)]
    [InlineData("attention", 48)]
    [InlineData("all", 84)]
    [InlineData("qv", 24)]
    [InlineData("attn_q", 12)]
    [InlineData("attn_q, ffn_up,ffn_down", 36)]
    [InlineData("mlp,ffn_up", 36)]
    public void A_part_is_its_weights_in_all_layers(string part, int count) => Assert.Equal(count, new WeightSelection(part).Resolve(Model).Count);

    [Fact]
    public void Layers_are_numbers_and_ranges()
    {
        var selected = new WeightSelection("qv", "0, 3-4,11").Resolve(Model);
        Assert.Equal(
            ["blk.0.attn_q.weight", "blk.0.attn_v.weight", "blk.3.attn_q.weight", "blk.3.attn_v.weight", "blk.4.attn_q.weight", "blk.4.attn_v.weight", "blk.11.attn_q.weight", "blk.11.attn_v.weight"],
            selected);
    }

    [Theory]
    [InlineData("mpl", null, "no part of a block")]
    [InlineData("mlp,", null, "no part of a block")]
    [InlineData("mlp,qk", null, "no part of a block")]
    [InlineData("mlp", "3-1", "names no layers")]
    [InlineData("mlp", "", "names no layers")]
    [InlineData("mlp", "-1", "names no layers")]
    [InlineData("mlp", "0-2000000000", "names no layers")]
    public void Nonsense_is_named(string part, string? layers, string message) =>
        Assert.Contains(message, Assert.Throws<ArgumentException>(() => new WeightSelection(part, layers).Resolve(Model)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("ffn_side", "none of the model's 84")]
    [InlineData("attn_q,ffn_side", "no adaptable 'ffn_side'")]
    public void Weights_the_model_lacks_are_refused(string part, string message) =>
        Assert.Contains(message, Assert.Throws<TrainingException>(() => new WeightSelection(part).Resolve(Model)).Message, StringComparison.Ordinal);

    [Fact]
    public void Layers_the_model_lacks_are_refused() =>
        Assert.Contains("none of the model's 84", Assert.Throws<TrainingException>(() => new WeightSelection("mlp", "12").Resolve(Model)).Message, StringComparison.Ordinal);
}
