using T2.Gguf.Experts;
using T2.TestKit;

namespace T2.Gguf.Tests.Experts;

public sealed class ExpertFitTests : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly GgufFile _model;
    private readonly string _fingerprint;

    public ExpertFitTests()
    {
        var writer = new GgufWriter();
        writer.SetMetadata("general.architecture", "llama");
        writer.AddTensor("wide", TensorType.F32, [3, 2], new byte[24]);
        writer.AddTensor("norm", TensorType.F32, [3], new byte[12]);
        writer.AddTensor("experts", TensorType.F32, [2, 2, 2], new byte[32]);
        writer.AddTensor("iq", TensorType.IQ4_NL, [32, 1], new byte[18]);
        writer.WriteTo(_folder.File("model.gguf"));
        _model = GgufFile.Open(_folder.File("model.gguf"));
        _fingerprint = WeightFingerprint.Compute(_model);
    }

    public void Dispose()
    {
        _model.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void An_expert_of_this_model_fits() => Assert.Empty(Problems("wide", 2));

    [Theory]
    [InlineData("wide", 3, "has 3 values; a 2×3 matrix has 2")]
    [InlineData("absent", 2, "no weight \"absent\"")]
    [InlineData("norm", 3, "\"norm\" has 1 dimensions")]
    [InlineData("experts", 2, "\"experts\" has 3 dimensions")]
    [InlineData("iq", 1, "\"iq\" is IQ4_NL")]
    public void Vectors_that_do_not_fit_are_named(string weight, int length, string fragment) =>
        Assert.Contains(fragment, Assert.Single(Problems(weight, length)), StringComparison.Ordinal);

    [Fact]
    public void Another_base_is_named()
    {
        var expert = new Expert("math", "qwen2", "xxh128:ff", [new("wide", new[] { 1f, 1f })]);
        var problems = expert.FindMismatches(_model, _fingerprint);
        Assert.Equal(2, problems.Count);
        Assert.Contains("architecture qwen2", problems[0], StringComparison.Ordinal);
        Assert.Contains(_fingerprint, problems[1], StringComparison.Ordinal);
    }

    private IReadOnlyList<string> Problems(string weight, int length) =>
        new Expert("math", "llama", _fingerprint, [new(weight, Enumerable.Repeat(0.9f, length).ToArray())]).FindMismatches(_model, _fingerprint);
}
